"""What came of a dbt project on one side: its tables, its verdicts, the names of its nodes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

DIGITS = 12  # of a float: sums depend on the order of their parts


@dataclass(frozen=True)
class Made:
    """A table as it can be read: its columns with their types, and its rows in any order."""

    columns: tuple[tuple[str, str], ...]
    rows: Counter[tuple[Any, ...]]


@dataclass
class Side:
    """One side; all keys are dbt's ids of nodes, and `nodes` are the names that `dbt ls` gives.

    Shapes: verdicts are `pass`, `warn`, `fail` and `skipped`, as dbt has them.
    """

    tables: dict[str, Made] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)


def read(connection: duckdb.DuckDBPyConnection, relation: str, *, is_snapshot: bool) -> Made:
    """Read a table; of what a snapshot adds by the clock only whether it is null."""
    found = connection.sql(f"select * from {relation}")
    names = found.columns
    hidden = {n for n in names if is_snapshot and n.startswith("dbt_")}
    rows = Counter(
        tuple(
            (value is None) if name in hidden else plain(value)
            for name, value in zip(names, row, strict=True)
        )
        for row in found.fetchall()
    )
    return Made(tuple(zip(names, map(str, found.types), strict=True)), rows)


def plain(value: Any) -> Any:
    """A value that can be counted; a float to as many digits as both sides can agree on."""
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.{DIGITS}g}")
    return value if isinstance(value, (str, int)) or value is None else repr(value)


def differences(stock: Side, ours: Side) -> Iterator[tuple[str, str]]:
    """Everything in which two sides differ: the id of the node, and a line."""
    for key in sorted(stock.nodes ^ ours.nodes):
        yield key, f"{short(key)} is named by {'stock' if key in stock.nodes else 'ours'} alone"
    for key in sorted(stock.tables.keys() | ours.tables.keys()):
        for line in _between(stock.tables.get(key), ours.tables.get(key)):
            yield key, f"{short(key)}{line}"
    for key in sorted(stock.verdicts.keys() | ours.verdicts.keys()):
        theirs, mine = stock.verdicts.get(key, "not run"), ours.verdicts.get(key, "not run")
        if theirs != mine:
            yield key, f"{short(key)}: stock {theirs}, ours {mine}"


def _between(stock: Made | None, ours: Made | None) -> Iterator[str]:
    if stock is None or ours is None:
        yield f" is a table of {'ours' if stock is None else 'stock'} alone"
        return
    for theirs, mine in zip(stock.columns, ours.columns, strict=False):
        if theirs != mine:
            yield f": stock {' '.join(theirs)}, ours {' '.join(mine)}"
    if len(stock.columns) != len(ours.columns):
        yield f": {len(stock.columns)} columns of stock, {len(ours.columns)} of ours"
    elif stock.rows != ours.rows:
        lost, more = stock.rows - ours.rows, ours.rows - stock.rows
        yield f": {lost.total()} rows of stock alone, {more.total()} of ours alone"


def short(key: str) -> str:
    """An id without the project's name, and without the hash that ends the id of a test."""
    kind, _, *name = key.split(".")
    return f"{kind} {'.'.join(name[:1] if kind == 'test' else name)}"
