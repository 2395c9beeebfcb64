"""The order in which datasets are materialized: a short list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.order import refuse_circles
from watermain.engine.table.partition import Span, overlapping
from watermain.orchestrate.tags import partition_tags


@dataclass(frozen=True, kw_only=True)
class Run:
    """One Dagster run: datasets of one team that share their partitions."""

    names: tuple[DatasetName, ...]
    first: str | None = None
    last: str | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The tags that tell Dagster which partitions are asked for."""
        return partition_tags(self.first, self.last) if self.first and self.last else {}

    def __str__(self) -> str:
        span = f" [{self.first}..{self.last}]" if self.first != self.last else f" [{self.first}]"
        return ", ".join(map(str, self.names)) + (span if self.first else "")


def runs(chosen: Mapping[DatasetName, Dataset], span: Span | None) -> list[Run]:
    """Group datasets into as few runs as their partitions allow, and upstream before downstream.

    Guarantees: a captured dataset is asked for whatever waits and so takes no partitions; the
    span is translated into every other cadence; and a dataset that the platform writes is left out.
    Raises: InvalidDeclarationError, for datasets that wait for each other.
    """
    refuse_circles(chosen)
    left = {n: d for n, d in chosen.items() if not d.is_platforms}
    found: list[Run] = []
    while left:
        groups = {_group(d): d for d in left.values() if not _waits(d, set(left))}
        best = max((_closure(left, group) for group in groups), key=len)
        cadence = left[best[0]].cadence if left[best[0]].is_computed else None
        first, last = _bounds(span, cadence)
        found.append(Run(names=tuple(best), first=first, last=last))
        for name in best:
            del left[name]
    return found


def upstream(name: DatasetName, everything: Mapping[DatasetName, Dataset]) -> set[DatasetName]:
    """The dataset and everything that it is computed from or refers to."""
    found, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one in everything and one not in found:
            found.add(one)
            waiting += everything[one].upstream
    return found


def downstream(name: DatasetName, everything: Mapping[DatasetName, Dataset]) -> list[DatasetName]:
    """The datasets that read this one directly or refer to it."""
    return sorted(n for n, d in everything.items() if name in d.upstream)


def _group(dataset: Dataset) -> tuple[str, bool, Cadence | None]:
    captured = not dataset.is_computed
    return dataset.name.team, captured, None if captured else dataset.cadence


def _waits(dataset: Dataset, names: set[DatasetName]) -> bool:
    return any(n in names for n in dataset.upstream)


def _closure(
    left: Mapping[DatasetName, Dataset], group: tuple[str, bool, Cadence | None]
) -> list[DatasetName]:
    """Every dataset of the group that can run as soon as others of the group have."""
    taken: list[DatasetName] = []
    grew = True
    while grew:
        grew = False
        for name, dataset in left.items():
            blocked = _waits(dataset, set(left) - set(taken))
            if name not in taken and _group(dataset) == group and not blocked:
                taken.append(name)
                grew = True
    return taken


def _bounds(span: Span | None, cadence: Cadence | None) -> tuple[str | None, str | None]:
    if span is None or cadence is None:
        return None, None
    return (span.first, span.last) if cadence == span.cadence else overlapping(span, cadence)
