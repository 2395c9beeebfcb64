"""The order that declarations ask for."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenContractError, InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.table.table import is_there


def refuse_circles(known: Mapping[DatasetName, Dataset]) -> None:
    """Refuse datasets that wait for themselves, as input or by what their checks refer to.

    Raises: InvalidDeclarationError, with the way around.
    """
    try:
        TopologicalSorter({n: set(d.upstream) for n, d in known.items()}).prepare()
    except CycleError as error:
        way = [n for n in reversed(error.args[1]) if n in known]
        refers = [
            (one, two)
            for one, two in zip(way, [*way[1:], way[0]], strict=True)
            if two in known[one].references
        ]
        word, cure = "is computed from itself", "take one of these inputs away"
        if refers:
            word = "waits for itself"
            cure = f"take the check of {refers[0][0]} that refers to {refers[0][1]} away"
        raise InvalidDeclarationError.nothing_happened(
            f"a dataset {word}: {' -> '.join(map(str, way))}",
            declared=known[refers[0][0] if refers else way[0]].declared,
            next=cure,
        ) from error


def refuse_unpublished(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Refuse to judge rows by a dataset that does not stand yet.

    Raises: BrokenContractError.
    """
    for name in dataset.references:
        if not is_there(connection, name):
            raise BrokenContractError.not_published(
                f"{dataset.name}: its checks refer to {name}, of which nothing was ever published",
                declared=dataset.declared,
                next=f"watermain materialize {name}",
            )
