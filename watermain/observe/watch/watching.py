"""What whoever watches for signals has to keep to."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal

EVERY = timedelta(minutes=1)
EACH_ROUND = timedelta(0)  # for a look that costs a few files or one question of an index


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one look found, and of what it could tell.

    Shapes: `judged` has the datasets that could be judged, by the promise that signals of it name;
    a promise that it lacks was not judged at all, and with None every dataset was. `proofs` says,
    of datasets that are well, what shows it.
    """

    signals: tuple[Signal, ...] = ()
    judged: Mapping[str, Container[DatasetName] | None] = field(default_factory=dict)
    proofs: Mapping[DatasetName, str] = field(default_factory=dict)

    @classmethod
    def of(cls, promise: str, signals: Collection[Signal]) -> Looked:
        """A look that could judge every dataset, by one promise."""
        return cls(signals=tuple(signals), judged={promise: None})

    def is_judged(self, promise: str, dataset: DatasetName) -> bool:
        """Whether it could tell if a dataset is well."""
        if promise not in self.judged:
            return False
        known = self.judged[promise]
        return known is None or dataset in known


class Watching(Protocol):
    """A source of signals.

    Shapes: `name` is what its trouble is told under, `promises` what its signals may name as
    theirs; no two watchers share one.
    Guarantees: a look follows from what stands outside of this process, so that one that was lost
    with a process is made again with the same result. A signal stands in each look for as long as
    what is wrong, its `at` being when that began; its end is that a look judged without it.
    """

    @property
    def name(self) -> str: ...

    @property
    def promises(self) -> frozenset[str]: ...

    def look(self, now: datetime) -> Looked:
        """What is wrong now.

        Raises: UnreachableSystemError, where nothing could be measured.
        """
        ...


class Watch:
    """A step that looks in its own rhythm; until it has looked anew, what it saw last stands.

    Shapes: one that looks `beside` a round waits for another process meanwhile.

    Guarantees: a look that failed leaves nothing judged, until the next one.
    """

    def __init__(
        self, watching: Watching, every: timedelta = EVERY, *, is_beside: bool = False
    ) -> None:
        self.watching, self._every, self.is_beside = watching, every, is_beside
        self._at: datetime | None = None
        self.looked: Looked = Looked()

    def __call__(self, now: datetime) -> str:
        """Look, if it is time to.

        Raises: UnreachableSystemError.
        """
        if self._at is not None and timedelta(0) <= now - self._at < self._every:
            return ""
        self._at = now
        try:
            self.looked = self.watching.look(now)
        except BaseException:
            self.looked = Looked()
            raise
        return ""
