"""Checks that are queries: what they count, how grave that is, what is told of it."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Daily, dataset
from watermain.declare.check import Query
from watermain.declare.contract import Sensitivity
from watermain.engine.audit.audit import audit, sample
from watermain.engine.audit.demand import rule
from watermain.engine.table.partition import Span
from watermain.engine.table.staged import Staged

NAME = "shop.curated.orders"
SQL = f'select id, customer, amount * 2 as twice from "{NAME}" where amount < 0'


@dataset(
    NAME,
    inputs={},
    contract=Contract(
        grain="one row per order",
        key=("id",),
        event_time="on_day",
        columns=(
            Column("id", pa.int64(), "the order"),
            Column("on_day", pa.date32(), "its day"),
            Column("customer", pa.string(), "who", sensitivity=Sensitivity.PERSONAL),
            Column("amount", pa.int64(), "in cents"),
        ),
    ),
    cadence=Daily(),
    owner="team:shop",
)
def orders() -> pa.Table:
    """Nothing computes them here."""
    raise NotImplementedError


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    """Two wrong rows on the first day, one on the second, none on the third."""
    found = duckdb.connect()
    found.execute(
        "create table rows as select * from (values (1, date '2026-01-01', 'Ada', -1),"
        " (2, date '2026-01-01', 'Bob', -1), (3, date '2026-01-02', 'Cy', -5),"
        " (4, date '2026-01-03', 'Di', 7)) as given (id, on_day, customer, amount)"
    )
    return found


def staged() -> Staged:
    """Those rows, cut by day."""
    return Staged(
        dataset=orders,
        relation="rows",
        where="true",
        span=Span(orders.cadence, "2026-01-01", "2026-01-03") if orders.cadence else None,
        others=str,
    )


def found(connection: duckdb.DuckDBPyConnection, check: Query) -> list[tuple[int, str]]:
    """The failing rows and the severity of each day."""
    _, findings = audit(connection, staged(), None, [check])
    return [(f.failing, f.severity) for f in sorted(findings, key=lambda f: f.partition)]


PLAIN = Query(name="no_debts", sql=SQL)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, [(2, "block"), (1, "block"), (0, "block")]),
        ({"severity": "warn"}, [(2, "warn"), (1, "warn"), (0, "warn")]),
        ({"block_if": "> 1"}, [(2, "block"), (1, "warn"), (0, "block")]),
        ({"block_if": "> 1", "warn_if": "> 1"}, [(2, "block"), (0, "block"), (0, "block")]),
        ({"block_if": "> 2", "warn_if": "> 9"}, [(3, "block")] * 3),
        ({"block_if": "> 3", "warn_if": "> 9"}, [(0, "block")] * 3),
        ({"severity": "warn", "block_if": "> 0"}, [(2, "warn"), (1, "warn"), (0, "warn")]),
        (
            {"counts": "-coalesce(sum(twice), 0)", "block_if": "> 4"},
            [(4, "warn"), (10, "block"), (0, "block")],
        ),
        ({"counts": "sum(twice)"}, [(4, "block"), (10, "block"), (1, "block")]),
    ],
)
def test_query_blocks_and_warns_at_different_counts(
    connection: duckdb.DuckDBPyConnection, words: dict[str, str], expected: list[tuple[int, str]]
) -> None:
    """By the count of each day; what only all days reach is held against all; null blocks."""
    assert found(connection, replace(PLAIN, **words)) == expected


def test_query_tells_of_the_rows_that_it_finds(connection: duckdb.DuckDBPyConnection) -> None:
    """As many as it shows; what is sensitive or of unknown origin is masked."""
    assert sample(connection, staged(), PLAIN, "2026-01-01") == []
    shows = replace(PLAIN, shows=5)
    assert sample(connection, staged(), shows, "2026-01-01") == [
        "id=1, customer=***, twice=***",
        "id=2, customer=***, twice=***",
    ]
    assert len(sample(connection, staged(), replace(PLAIN, shows=1), "2026-01-01")) == 1


def test_query_says_what_it_demands() -> None:
    """The usual way in a few words; thresholds as they are written."""
    assert rule(PLAIN) == "the query `no_debts` finds no row"
    assert rule(replace(PLAIN, block_if="> 1")) == (
        "the number of rows of the query `no_debts` is not `> 1`, and warns if it is `!= 0`"
    )
    assert rule(replace(PLAIN, severity="warn", warn_if="> 3", counts="sum(n)")) == (
        "`sum(n)` of the query `no_debts` is not `> 3`"
    )
