"""The datasets that a planner decides about, with those that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.reads import touching


@dataclass(frozen=True)
class Graph:
    """Datasets by name, of which some are driven by what changes in the others.

    Shapes: `left` says which computed datasets others drive: a stream or a schedule of its own.
    """

    datasets: Mapping[DatasetName, Dataset]
    left: Callable[[Dataset], bool]

    def around(self, team: str) -> Graph:
        """The datasets of a team and everything that they are made of."""
        return self.made_of(n for n, d in self.datasets.items() if d.name.team == team)

    def made_of(self, names: Iterable[DatasetName]) -> Graph:
        """Some datasets and everything that they are made of.

        Guarantees: what becomes of their partitions is told by this graph as by the whole one.
        """
        found, waiting = set[DatasetName](), list(names)
        while waiting:
            name = waiting.pop()
            if name in self.datasets and name not in found:
                found.add(name)
                waiting += self.datasets[name].upstream
        return Graph({n: d for n, d in self.datasets.items() if n in found}, self.left)

    @cached_property
    def driven(self) -> tuple[Dataset, ...]:
        """The datasets that changes drive, each behind what it reads."""
        order = TopologicalSorter(
            {
                n: sorted(m for m in self.datasets[n].upstream if m in self.datasets)
                for n in sorted(self.datasets)
            }
        ).static_order()
        return tuple(d for d in map(self.datasets.__getitem__, order) if self.drives(d))

    def drives(self, dataset: Dataset) -> bool:
        """Whether what changes in its inputs is to compute a dataset anew.

        Guarantees: what reads the platform's own tables is not, for those change with every run.
        """
        retired = dataset.feature is not None and dataset.feature.is_retired
        known = all(n in self.datasets for n in dataset.inputs.values())
        return (
            dataset.is_computed
            and bool(dataset.inputs)
            and known
            and not retired
            and not dataset.broken
            and not any(self.datasets[n].is_platforms for n in dataset.inputs.values())
            and not self.left(dataset)
        )

    def inputs(self, dataset: Dataset) -> dict[DatasetName, Dataset]:
        """The datasets that one is computed from."""
        return {n: self.datasets[n] for n in dataset.inputs.values()}

    @cached_property
    def timed(self) -> tuple[tuple[Dataset, Cadence], ...]:
        """The driven datasets whose partitions come with time alone: no input has any."""
        return tuple(
            (d, d.cadence)
            for d in self.driven
            if d.cadence is not None and all(o.cadence is None for o in self.inputs(d).values())
        )

    @cached_property
    def readers(self) -> Mapping[DatasetName, tuple[Dataset, ...]]:
        """The driven datasets that read each dataset or whose checks refer to it."""
        found: dict[DatasetName, list[Dataset]] = {}
        for dataset in self.driven:
            for name in dataset.upstream:
                found.setdefault(name, []).append(dataset)
        return {name: tuple(readers) for name, readers in found.items()}

    def touched(
        self, changes: Iterable[tuple[DatasetName, str]]
    ) -> Iterator[tuple[Dataset, list[str] | None]]:
        """What changed partitions take part in: readers with partitions; None stands for all."""
        for name, key in changes:
            for reader in self.readers.get(name, ()):
                if name in reader.references:
                    yield reader, None
                else:
                    yield reader, touching(reader, self.datasets[name], key)
