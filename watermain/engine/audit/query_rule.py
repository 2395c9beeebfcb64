"""Checks that are queries: what they find in each partition, how grave that is."""

from __future__ import annotations

import math
from typing import NamedTuple

import duckdb

from watermain.declare.check import Query
from watermain.engine.table.staged import Staged
from watermain.lake.lake import quote, text

ANY = "!= 0"
MASK = "***"


class Judged(NamedTuple):
    """What a query found, with the severity that it has."""

    failing: int
    severity: str


def judged(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Query, keys: list[str]
) -> dict[str, Judged]:
    """What the query finds over the partitions at once; where that is wrong, over each.

    Guarantees: what only several partitions together bring about is held against all of them.
    """
    total = _judged(connection, staged, check, staged.where)
    if not total.failing or len(keys) == 1:
        return dict.fromkeys(keys, total)
    each = {key: _judged(connection, staged, check, _only(staged, key)) for key in keys}
    return each if any(one.failing for one in each.values()) else dict.fromkeys(keys, total)


def _only(staged: Staged, key: str) -> str:
    return f"{staged.where} and {staged.key} = {text(key)}"


def _judged(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Query, where: str
) -> Judged:
    """The verdict over some rows; a number that is null is no verdict, and so it blocks."""
    counts = check.counts or "count(*)"
    warns, blocks = (f"({counts}) {limit or ANY}" for limit in (check.warn_if, check.block_if))
    row = connection.execute(
        f"{_tables(staged, check, where)} select {counts}, {warns}, {blocks}"
        f" from ({check.sql}) as failing"
    ).fetchone()
    number, is_warned, is_blocked = row or (0, False, False)
    if number is None:
        return Judged(1, "block")
    failing = max(1, math.ceil(abs(number)))
    if is_blocked and check.severity == "block":
        return Judged(failing, "block")
    return Judged(failing, "warn") if is_warned else Judged(0, check.severity)


def _tables(staged: Staged, check: Query, where: str) -> str:
    """The tables of a query by their names: its own rows, and others as they are published."""
    own = f"(select * from {staged.relation} where {where})"
    others = [f"{quote(str(n))} as (select * from {staged.others(n)})" for n in check.datasets]
    return "with " + ", ".join([f"{quote(str(staged.dataset.name))} as {own}", *others])


def found_rows(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Query, partition: str
) -> list[str]:
    """A few of the rows that a query finds, where it says how many are told.

    Guarantees: a value is told where the contract has its column and calls it harmless, or where
    the query reads nothing but a table that holds nothing sensitive; others are masked.
    """
    if not check.shows:
        return []
    where = staged.where if staged.span is None else _only(staged, partition)
    sql = f"{_tables(staged, check, where)} select * from ({check.sql}) as failing"
    rows = connection.execute(f"{sql} limit {check.shows}")
    names = [column[0] for column in rows.description or []]
    contract = staged.dataset.contract
    plain = {c.name for c in contract.columns if not contract.is_sensitive(c.name)}
    if not check.datasets and not contract.holds_sensitive:
        plain |= set(names)
    return [
        ", ".join(f"{n}={v if n in plain else MASK}" for n, v in zip(names, row, strict=True))
        for row in rows.fetchall()
    ]
