"""Readers whose questions fail that used to be answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.engine.rooms.promises import RoomPromises
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.watching import Looked
from watermain.record.broken_query import BrokenQueries, LostAnswer

PROMISE = "reader_errors"
WITHIN = timedelta(hours=1)
GRAVE_READERS = 2  # one reader may have changed something of their own
MOST_TOLD = 3


def broken(lost: Iterable[LostAnswer], gravity: Gravity) -> Iterator[Signal]:
    """A signal for each dataset that readers can no longer ask as they did.

    Guarantees: it is a ticket, and a page only where several readers fail of a dataset that
    somebody was promised as a page.
    """
    found = defaultdict[DatasetName, list[LostAnswer]](list)
    for each in lost:
        names = [name for text in each.datasets if (name := _dataset(text)) is not None]
        if names:  # of several the first: which of them it was, the engine alone knows
            found[names[0]].append(each)
    for name, some in found.items():
        readers = sorted({reader for each in some for reader in each.readers})
        more = f", {len(readers) - MOST_TOLD} more" if len(readers) > MOST_TOLD else ""
        others = sorted({text for each in some for text in each.datasets} - {str(name)})
        also = f"; they read {quoted(others)}, too" if others else ""
        yield Signal(
            dataset=name,
            promise=PROMISE,
            severity=gravity.of(name) if len(readers) >= GRAVE_READERS else "ticket",
            rule="questions fail that used to be answered",
            told=f"{sum(each.times for each in some)} questions that used to be answered failed in"
            f" the last hour ({', '.join(sorted({each.kind for each in some}))}), of"
            f" {', '.join(readers[:MOST_TOLD])}{more}{also}",
            at=min(each.since for each in some),
            is_alone=True,
        )


class FailingWatching:
    """Watch for readers that lost what they relied on, by what they asked.

    Guarantees: without the two logs nothing is found; it is over once the question is answered
    again, or nobody has asked it for an hour.
    """

    name, promises = "readers", frozenset({PROMISE})

    def __init__(self, dsn: Callable[[], str], known: Callable[[], RoomPromises]) -> None:
        self._log, self._known = BrokenQueries(dsn), known

    def look(self, now: datetime) -> Looked:
        """Who fails now.

        Raises: UnreachableSystemError.
        """
        lost = self._log.lost(now - WITHIN)
        return Looked.of(PROMISE, tuple(broken(lost, Gravity(self._known())) if lost else ()))


def _dataset(text: str) -> DatasetName | None:
    try:
        return DatasetName.parse(text)
    except InvalidDeclarationError:
        return None
