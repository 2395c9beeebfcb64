"""Partitions that may be stale, to be judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.books import Books
from watermain.engine.plan.calendar import running_keys
from watermain.engine.plan.graph import Graph
from watermain.engine.table.reads import touching

Candidates = dict[DatasetName, set[str] | None]  # None stands for all partitions


def add(candidates: Candidates, name: DatasetName, keys: Iterable[str] | None) -> None:
    """Add partitions of a dataset."""
    known = candidates.setdefault(name, set())
    if keys is None:
        candidates[name] = None
    elif known is not None:
        known.update(keys)


def every(
    dataset: Dataset,
    graph: Graph,
    books: Books,
    now: datetime,
    coming: Mapping[DatasetName, Mapping[str, str]],
) -> set[str]:
    """Every partition that stands, or that some partition of an input takes part in.

    Guarantees: a dataset none of whose inputs has partitions has those that run now.
    """
    inputs = graph.inputs(dataset)
    standing = books.standing([dataset.name, *inputs])
    if dataset.cadence is None:
        return {""}
    found = set(standing[dataset.name])
    cut = [other for other in inputs.values() if other.cadence is not None]
    for other in cut:
        for key in {*standing[other.name], *coming.get(other.name, ())}:
            found.update(touching(dataset, other, key) or ())
    return found if cut else {*found, *running_keys(dataset.cadence, now)}


def of_changes(graph: Graph, changes: Iterable[tuple[str, str]]) -> Candidates:
    """What changed partitions take part in, and they themselves."""
    known = {str(name): name for name in graph.datasets}
    pairs = [(known[name], key) for name, key in changes if name in known]
    found: Candidates = {}
    driven = {d.name for d in graph.driven}
    for name, key in pairs:
        if name in driven:
            add(found, name, [key])
    for reader, keys in graph.touched(pairs):
        add(found, reader.name, keys)
    return found
