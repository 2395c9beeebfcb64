"""Partitions that are stale, judged from versions alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.reads import Versions, needed_keys, plain, version
from watermain.lake.ledger import Standing

Cause = Literal["missing", "inputs", "code"]
Standings = Mapping[DatasetName, Mapping[str, Standing]]


@dataclass(frozen=True, kw_only=True)
class StalePartition:
    """One partition that does not stand as its inputs and its code would make it.

    Shapes: `wanted` is the version that it has when it was computed, and `stands` how it was last
    published.
    """

    name: DatasetName
    key: str
    wanted: str
    cause: Cause
    stands: Standing | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.key}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Say which partitions of a dataset are stale.

    Shapes: `versions` are those that its inputs have by the time it is computed; `codes` mean what
    its code does, or are None where another room alone knows; `read_then` gives the version that
    an input without partitions had at a snapshot.
    """

    dataset: Dataset
    inputs: Mapping[DatasetName, Dataset]
    versions: Versions
    own: Mapping[str, Standing]
    codes: Sequence[str] | None
    is_open: Callable[[str], bool]
    read_then: Callable[[DatasetName, int], Mapping[str, str]]
    stands: Callable[[DatasetName], bool] = field(default=lambda _: True)

    def due(self, keys: Iterable[str]) -> Iterator[StalePartition]:
        """The stale ones of some partitions, in their order.

        Guarantees: a partition is missing as soon as each input that is not optional, or where all
        are, any of them, has something for it, one with partitions among them if there are such;
        and what the checks refer to stands.
        """
        if not all(map(self.stands, self.dataset.references)):
            return
        for key in sorted(set(keys)):
            known = self.own.get(key)
            if known is None:
                if self._enough(key):
                    yield self._found(key, "missing", None)
            elif not self._is_fresh(key, known, self.codes or (known.code,)):
                was = self._is_fresh(key, known, (known.code,))
                yield self._found(key, "code" if was else "inputs", known)

    def _found(self, key: str, cause: Cause, known: Standing | None) -> StalePartition:
        code = self.codes[0] if self.codes else known.code if known else ""
        return StalePartition(
            name=self.dataset.name,
            key=key,
            wanted=self._version(key, code, self.versions),
            cause=cause,
            stands=known,
        )

    def _is_fresh(self, key: str, known: Standing, codes: Iterable[str]) -> bool:
        """Whether some code that means today's made it of inputs that count as today's."""
        told = [self.versions]
        kept = self._kept(key)
        if kept:
            then = {name: self.read_then(name, known.read) for name in kept}
            told.append({**self.versions, **then})
        stands = plain(known.version)
        return any(self._version(key, c, of) == stands for c in codes for of in told)

    def _kept(self, key: str) -> list[DatasetName]:
        """The inputs whose news leave a published partition as it is."""
        words = {n: self.dataset.refresh(n) for n in self.inputs}
        return [
            name
            for name, word in words.items()
            if word == "new" or (word == "open" and not self.is_open(key))
        ]

    def _version(self, key: str, code: str, versions: Versions) -> str:
        return version(self.dataset, key, code, versions, self.inputs, snapshot=0)

    def _enough(self, key: str) -> bool:
        """Whether inputs have something for a partition; of some that are cut, one of those."""
        has = False
        for name in self.inputs:
            there = self._has(name, key)
            if not (there or self.dataset.is_optional(name)):
                return False
            has = has or (there and (name in self._cut or not self._cut))
        return has

    @cached_property
    def _cut(self) -> frozenset[DatasetName]:
        cadences = {n: other.cadence for n, other in self.inputs.items()}
        return frozenset(n for n, c in cadences.items() if c and self.dataset.cadence)

    def _has(self, name: DatasetName, key: str) -> bool:
        known = self.versions.get(name, {})
        if not known or name not in self._cut:
            return bool(known)
        return any(k in known for k in needed_keys(self.dataset, self.inputs[name], key, known))
