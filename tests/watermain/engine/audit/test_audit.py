"""Checks over staged rows: known answers for every rule, in every partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermain.declare import (
    Check,
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    accepted_values,
    between,
    expression,
    matches,
    not_null,
    refers_to,
    row_count,
)
from watermain.engine.audit.audit import audit, sample
from watermain.engine.table.partition import Span
from watermain.engine.table.staged import Finding, Staged

DAYS = Daily()
KEYS = ["2013-01-01", "2013-01-02"]
ROWS = [
    # id, day, amount, code
    ("a", 1, 5, "AA"),
    ("b", 1, None, "b"),
    ("c", 1, -1, "CC"),
    ("d", 2, 9, None),
    ("d", 2, 9, "DD"),
    (None, 2, 100, "EE"),
]


def declared(*checks: Check) -> Dataset:
    """A daily table with the checks."""
    return Dataset(
        name=DatasetName("shop", "curated", "sales"),
        contract=Contract(
            grain="one row per sale",
            key=("id",),
            event_time="at",
            columns=(
                Column("id", pa.string(), "the sale"),
                Column("at", pa.timestamp("us"), "when"),
                Column("amount", pa.int64(), "how much"),
                Column("code", pa.string(), "which"),
            ),
        ),
        owner="team:shop",
        declared="here",
        checks=checks,
        cadence=DAYS,
    )


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with a staged table, beside one that it refers to."""
    with duckdb.connect() as engine:
        engine.execute('create table staged (id varchar, "at" timestamp, amount bigint, code text)')
        for name, day, amount, code in ROWS:
            engine.execute(
                "insert into staged values (?, ?, ?, ?)",
                [name, f"2013-01-0{day} 12:00:00", amount, code],
            )
        engine.execute("create table codes as select unnest(['AA', 'CC', 'DD', null]) as code")
        yield engine


def look(connection: duckdb.DuckDBPyConnection, *checks: Check) -> dict[str, list[Finding]]:
    """What each check finds, day by day."""
    dataset = declared(*checks)
    span = Span(DAYS, KEYS[0], KEYS[-1])
    staged = Staged(
        dataset=dataset,
        relation="staged",
        where=span.filter(dataset.contract),
        span=span,
        others=lambda name: "codes",
    )
    rows, findings = audit(connection, staged, KEYS)
    assert rows == {"2013-01-01": 3, "2013-01-02": 3}
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.check, []).append(finding)
    return found


@pytest.mark.parametrize(
    ("check", "failing"),
    [
        (not_null("amount"), [1, 0]),
        (not_null("code"), [0, 1]),
        (accepted_values("code", ("AA", "CC", "DD", "EE")), [1, 0]),
        (accepted_values("amount", (5, 9)), [1, 1]),
        (between("amount", low=0), [1, 0]),
        (between("amount", high=50), [0, 1]),
        (between("amount", low=0, high=50), [1, 1]),
        (matches("code", "[A-Z]{2}"), [1, 0]),
        (matches("code", "[A-Z]"), [3, 2]),
        (refers_to("code", "shop.curated.codes"), [1, 1]),
        (row_count(low=3, high=3), [0, 0]),
        (row_count(low=4), [1, 1]),
        (row_count(low=0, high=2), [1, 1]),
        (expression("small", "amount < 50"), [0, 1]),
    ],
)
def test_check_counts_the_rows_that_break_it(
    connection: duckdb.DuckDBPyConnection, check: Check, failing: list[int]
) -> None:
    """A missing value breaks `not_null` alone."""
    found = look(connection, check)[check.label]
    assert [f.failing for f in found] == failing
    assert [f.partition for f in found] == KEYS


def test_contract_s_own_checks_count_too(connection: duckdb.DuckDBPyConnection) -> None:
    """The key has values, once each."""
    found = look(connection)
    assert [f.failing for f in found["not_null_id"]] == [0, 1]
    assert [f.failing for f in found["unique_key_id"]] == [0, 1]


def test_warning_holds_nothing_back(connection: duckdb.DuckDBPyConnection) -> None:
    """A warning fails, without blocking."""
    found = look(connection, between("amount", low=0, severity="warn"))["between_amount"]
    assert [(f.passed, f.blocks) for f in found] == [(False, False), (True, False)]


def test_sample_names_keys_of_rows_that_break_a_rule(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """The reader of the error is shown whom to look at."""
    check = between("amount", low=0)
    dataset = declared(check)
    span = Span(DAYS, KEYS[0], KEYS[0])
    staged = Staged(
        dataset=dataset,
        relation="staged",
        where=span.filter(dataset.contract),
        span=span,
        others=lambda name: "codes",
    )
    assert sample(connection, staged, check, KEYS[0]) == ["c"]


@pytest.mark.parametrize("value", ["it's", 'say "no"', "ü", "a\\b", "'; drop table staged; --"])
def test_values_with_quotes_are_values(connection: duckdb.DuckDBPyConnection, value: str) -> None:
    """A value in a declaration never becomes SQL."""
    connection.execute("update staged set code = ? where id = 'a'", [value])
    found = look(connection, accepted_values("code", (value,)))["accepted_values_code"]
    assert [f.failing for f in found] == [2, 2]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from([1, 2])), min_size=0, max_size=40
    )
)
def test_unique_key_counts_every_row_beyond_the_first(rows: list[tuple[str, int]]) -> None:
    """The number of rows too many is exact, whichever way it was found."""
    with duckdb.connect() as engine:
        engine.execute('create table staged (id varchar, "at" timestamp, amount bigint, code text)')
        for name, day in rows:
            engine.execute(
                "insert into staged values (?, ?, 1, 'x')", [name, f"2013-01-0{day} 01:00:00"]
            )
        dataset = declared()
        span = Span(DAYS, KEYS[0], KEYS[-1])
        staged: Any = Staged(
            dataset=dataset,
            relation="staged",
            where=span.filter(dataset.contract),
            span=span,
            others=lambda name: "codes",
        )
        _, findings = audit(engine, staged, KEYS)
    total = sum(f.failing for f in findings if f.check == "unique_key_id")
    assert total == sum(n - 1 for n in Counter(name for name, _ in rows).values())
