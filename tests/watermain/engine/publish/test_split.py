"""Rows put aside by a rule: counted, replaced with their partition, blocked beyond a limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pyarrow as pa
import pytest

from watermain.clock import FixedClock
from watermain.declare import (
    Check,
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Quarantine,
    Sensitivity,
    between,
    fresh_within,
    matches,
    not_null,
    refers_to,
    row_count,
    steady,
    unique,
)
from watermain.declare.errors import BrokenContractError
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.engine.table.staged import ADDS_UP, LIMIT
from watermain.lake import quarantine
from watermain.lake.lake import Lake, table

DAYS = Daily(start=date(2013, 1, 1))
NUMBERS = count()
COLUMNS = (
    Column("id", pa.string(), "the sale"),
    Column("at", pa.timestamp("us"), "when"),
    Column("amount", pa.int64(), "how much", unit="cents"),
    Column("buyer", pa.string(), "who", sensitivity=Sensitivity.PERSONAL),
)
SCHEMA = pa.schema([pa.field(c.name, c.type) for c in COLUMNS])
NOON = FixedClock(datetime(2013, 2, 1, 12, tzinfo=UTC))


class Shop:
    """A lake with one dataset, whose rows a test gives."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.name = DatasetName("shop", "curated", f"sales_{next(NUMBERS)}")
        self.job = Job(lake=lake, find={}.__getitem__, clock=NOON, rebuild=True)

    def sell(
        self, *rows: tuple[Any, ...], days: tuple[int, int] = (1, 1), **words: Any
    ) -> Publication:
        """Publish rows `(id, day, amount, buyer)` under checks."""
        return publish(declared(self.name, *rows, **words), span(*days), self.job)

    def rows(self) -> list[tuple[Any, ...]]:
        """The visible rows."""
        with self.lake.get_connection() as connection:
            return connection.execute(
                f'select id, day("at"), amount from {table(self.name)} order by all'
            ).fetchall()

    def aside(self, status: str = quarantine.OPEN) -> list[dict[str, Any]]:
        """The rows in quarantine."""
        with self.lake.get_connection() as connection:
            return quarantine.listed(connection, str(self.name), f"status = '{status}'")


def span(first: int, last: int) -> Span:
    return Span(DAYS, f"2013-01-{first:02}", f"2013-01-{last:02}")


def declared(name: DatasetName, *rows: tuple[Any, ...], **words: Any) -> Dataset:
    """Daily sales that hold the rows."""
    given = [
        {"id": i, "at": datetime(2013, 1, day, 10), "amount": amount, "buyer": buyer}
        for i, day, amount, buyer in rows
    ]
    found = pa.Table.from_pylist(given, schema=SCHEMA)
    words = {"key": ("id",), "quarantine": Quarantine(), "checks": (), **words}
    return Dataset(
        name=name,
        contract=Contract(
            grain="one row per sale",
            key=words["key"],
            event_time="at",
            columns=COLUMNS,
            quarantine=words["quarantine"],
        ),
        owner="team:shop",
        declared="here",
        checks=words["checks"],
        cadence=DAYS,
        body=lambda: found,
    )


@pytest.fixture
def shop(shared_lake: Lake) -> Shop:
    """An empty shop."""
    return Shop(shared_lake)


POSITIVE = between("amount", low=0, severity="quarantine")


def test_row_that_breaks_a_quarantine_rule_goes_aside_alone(shop: Shop) -> None:
    """It is kept with rule, reason, contract version, run, payload, place."""
    done = shop.sell(("a", 1, 5, "x"), ("b", 1, -1, "y"), ("c", 2, 7, "z"), days=(1, 2),
                     checks=(POSITIVE,))  # fmt: skip
    assert shop.rows() == [("a", 1, 5), ("c", 2, 7)]
    assert [(o.partition, o.rows_out, dict(o.aside)) for o in done.outcomes] == [
        ("2013-01-01", 1, {"between_amount": 1}),
        ("2013-01-02", 1, {}),
    ]
    (row,) = shop.aside()
    wanted = {
        "rule": "between_amount",
        "reason": "breaks between_amount",
        "position": "b",
        "partition": "2013-01-01",
        "contract_version": "1.0.0",
        "run_id": "by hand",
    }
    assert {k: row[k] for k in wanted} == wanted
    payload = {"id": "b", "at": "2013-01-01 10:00:00", "amount": -1, "buyer": "y"}
    assert json.loads(row["payload"]) == payload
    done.refuse_blocked()


def test_counts_add_up_in_every_partition(shop: Shop) -> None:
    """Rows computed are rows published with rows put aside, as a check and in the ledger."""
    done = shop.sell(*((str(n), 1, n - 3, "x") for n in range(10)), checks=(POSITIVE,))
    (check,) = [f for o in done.outcomes for f in o.findings if f.check == ADDS_UP]
    assert (check.rows, check.failing) == (10, 0)
    with shop.lake.get_connection() as connection:
        counts = connection.execute(
            "select rows_out, rows_quarantined from lake.upkeep_raw.publishes where dataset = ?",
            [str(shop.name)],
        ).fetchall()
    assert counts == [(7, 3)]


def test_row_that_breaks_two_rules_goes_aside_once(shop: Shop) -> None:
    """Its reason names both."""
    checks = (POSITIVE, matches("buyer", "[a-z]+", severity="quarantine"))
    shop.sell(("a", 1, -5, "X"), ("b", 1, 1, "y"), checks=checks)
    assert [r["reason"] for r in shop.aside()] == ["breaks between_amount, matches_buyer"]


def test_publishing_a_partition_again_replaces_its_quarantined_rows(shop: Shop) -> None:
    """What was open before is told as computed anew."""
    shop.sell(("a", 1, -1, "x"), ("b", 2, -2, "y"), days=(1, 2), checks=(POSITIVE,))
    shop.sell(("a", 1, 1, "x"), checks=(POSITIVE,))
    assert [r["position"] for r in shop.aside()] == ["b"]
    assert [r["position"] for r in shop.aside("recomputed")] == ["a"]
    assert shop.rows() == [("a", 1, 1)]


@pytest.mark.parametrize(("limit", "blocked"), [(1, True), (2, False), (0.4, True), (0.5, False)])
def test_limit_blocks_when_too_many_rows_would_go_aside(
    shop: Shop, limit: float, blocked: bool
) -> None:
    """Rows, or a share of the partition's; nothing is published, nothing put aside beyond it."""
    rows = [(str(n), 1, n - 2, "x") for n in range(4)]
    done = shop.sell(*rows, checks=(POSITIVE,), quarantine=Quarantine(limit=limit))
    assert bool([f for o in done.outcomes for f in o.findings if f.blocks]) == blocked
    assert (shop.rows() == []) == blocked
    assert (shop.aside() == []) == blocked
    if blocked:
        with pytest.raises(BrokenContractError, match=f"2 of 4 rows break `{LIMIT}`"):
            done.refuse_blocked()


def test_rule_that_blocks_is_held_against_what_stays(shop: Shop) -> None:
    """A row put aside by another rule breaks nothing; an empty partition may."""
    checks = (POSITIVE, not_null("buyer"), row_count(low=1))
    done = shop.sell(("a", 1, -1, None), checks=checks)
    assert [f.check for o in done.outcomes for f in o.findings if f.blocks] == ["row_count"]
    assert shop.rows() == []


def test_repeated_key_goes_aside_but_the_first_row_stays(shop: Shop) -> None:
    """Which one stays does not depend on the order of arrival."""
    checks = (unique("id", severity="quarantine"),)
    for rows in ([("a", 1, 2, "x"), ("a", 1, 1, "x")], [("a", 1, 1, "x"), ("a", 1, 2, "x")]):
        shop.sell(*rows, checks=checks)
        assert shop.rows() == [("a", 1, 1)]
        assert len(shop.aside()) == 1


@pytest.mark.parametrize("severity", ["block", "quarantine"])
def test_key_that_another_partition_holds_is_caught(shop: Shop, severity: Any) -> None:
    """Uniqueness holds across all history, though only the new partition is written."""
    checks = (unique("id", severity=severity),)
    shop.sell(("a", 1, 1, "x"), ("b", 1, 1, "x"), checks=checks)
    done = shop.sell(("b", 2, 2, "x"), ("c", 2, 2, "x"), days=(2, 2), checks=checks)
    (found,) = [f for o in done.outcomes for f in o.findings if f.check == "unique_key_id"]
    assert (found.failing, found.rows) == (1, 2)
    assert "history by semi-join" in found.route
    kept = [("a", 1, 1), ("b", 1, 1)]
    assert shop.rows() == (kept if severity == "block" else [*kept, ("c", 2, 2)])
    assert [r["position"] for r in shop.aside()] == ["b"] * (severity == "quarantine")
    assert done.samples["unique_key_id"] == ["b"]


def test_key_with_the_event_time_needs_no_history(shop: Shop) -> None:
    """Equal keys lie in one partition."""
    shop.sell(("a", 1, 1, "x"), key=("id", "at"))
    done = shop.sell(("a", 2, 1, "x"), days=(2, 2), key=("id", "at"))
    (found,) = [f for o in done.outcomes for f in o.findings if f.check == "unique_key_id_at"]
    assert found.passed
    assert found.route.endswith("the key names its partition")


def test_samples_of_a_sensitive_key_are_masked(shop: Shop) -> None:
    """Nobody reads a person's name in an error."""
    done = shop.sell(("a", 1, -1, "ann"), key=("id", "buyer"), checks=(between("amount", low=0),))
    assert done.samples == {"between_amount": ["a/***"]}


@pytest.mark.parametrize(
    ("within", "passed"), [(timedelta(hours=14), True), (timedelta(hours=13), False)]
)
def test_fresh_within_measures_from_the_partitions_end(
    shop: Shop, within: timedelta, passed: bool
) -> None:
    """The newest sale was made at ten o'clock, the day is over."""
    done = shop.sell(("a", 1, 1, "x"), checks=(fresh_within("at", within),))
    assert [f.passed for o in done.outcomes for f in o.findings if f.check == "fresh_at"] == [
        passed
    ]


@pytest.mark.parametrize(
    ("check", "rows", "passed"),
    [
        (steady(within=2.0), 4, True),
        (steady(within=2.0), 5, False),
        (steady("amount", within=1.5), 2, True),
        (steady("amount", within=1.5, against=3), 5, True),
    ],
)
def test_steady_compares_with_the_ledger(shop: Shop, check: Check, rows: int, passed: bool) -> None:
    """The partitions before are not read again: their counts, their means lie in the ledger."""
    for day in (1, 2, 3):
        shop.sell((f"{day}a", day, 10, "x"), (f"{day}b", day, 20, "x"), days=(day, day),
                  checks=(check,))  # fmt: skip
    done = shop.sell(*((str(n), 4, 15, "x") for n in range(rows)), days=(4, 4), checks=(check,))
    (found,) = [f for o in done.outcomes for f in o.findings if f.check == check.label]
    assert (found.passed, found.route) == (passed, "means in the ledger")


def test_steady_column_notices_another_mean(shop: Shop) -> None:
    """A mean beyond the factor is told; it holds nothing back unless it must."""
    check = steady("amount", within=1.5)
    for day in (1, 2, 3):
        shop.sell((str(day), day, 10, "x"), days=(day, day), checks=(check,))
    done = shop.sell(("4", 4, 16, "x"), days=(4, 4), checks=(check,))
    (found,) = [f for o in done.outcomes for f in o.findings if f.check == "steady_amount"]
    assert (found.passed, found.blocks) == (False, False)
    assert len(shop.rows()) == 4


def test_reference_outside_goes_aside(shop: Shop) -> None:
    """A reference is looked up in the snapshot that the publish reads."""
    with shop.lake.get_connection() as connection:
        connection.execute("create schema if not exists lake.shop_curated")
        connection.execute("create table lake.shop_curated.buyers as select 'x' as buyer")
    checks = (refers_to("buyer", "shop.curated.buyers", severity="quarantine"),)
    shop.sell(("a", 1, 1, "x"), ("b", 1, 1, "nobody"), ("c", 1, 1, None), checks=checks)
    assert shop.rows() == [("a", 1, 1), ("c", 1, 1)]
    assert [r["rule"] for r in shop.aside()] == ["refers_to_buyer"]


def test_footers_answer_for_many_rows(shop: Shop) -> None:
    """More rows than the catalog keeps itself: the file's footer proves, nothing is scanned."""
    rows = [(f"{n:04}", 1, n, "x") for n in range(600)]
    checks = (between("amount", low=0, high=599), matches("buyer", "[a-z]"))
    done = shop.sell(*rows, checks=checks)
    routes = {f.check: f.route for o in done.outcomes for f in o.findings}
    assert routes["between_amount"] == routes["not_null_id"] == "file footers"
    assert routes["matches_buyer"] == "distinct values"
    worse = shop.sell(*rows, checks=(between("amount", low=1), matches("buyer", "[A-Z]")))
    failing = {f.check: f.failing for o in worse.outcomes for f in o.findings if f.failing}
    assert failing == {"between_amount": 1, "matches_buyer": 600}


def test_whole_keys_are_proven_by_one_bit_each(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated whole number is counted exactly; of few rows within the shared scan."""
    few = shop.sell(("1", 1, 1, "x"), ("2", 1, 1, "x"), key=("amount",))
    assert [
        (f.failing, f.route.split(";")[0])
        for o in few.outcomes
        for f in o.findings
        if f.check == "unique_key_amount"
    ] == [(1, "key hashes in the shared scan")]
    monkeypatch.setattr("watermain.engine.audit.footers.FEW_ROWS", 600)
    rows = [(f"{n:04}", 1, n, "x") for n in range(600)]
    done = shop.sell(*rows, key=("amount",))
    twice = shop.sell(*rows, ("again", 1, 7, "x"), key=("amount",))
    found = [f for d in (done, twice) for o in d.outcomes for f in o.findings]
    keys = [f for f in found if f.check == "unique_key_amount"]
    assert [f.failing for f in keys] == [0, 1]
    assert all(f.route.startswith("one bit for each key") for f in keys)


def test_severity_of_a_rule_about_partitions_is_no_quarantine(shop: Shop) -> None:
    """Such a rule speaks of no row; the error lists what is right."""
    with pytest.raises(Exception, match="RowCount speaks of no row") as refused:
        row_count(severity="quarantine")
    assert "use one of `block`, `warn`" in str(refused.value)
    assert "test_split.py" in str(refused.value)


def test_declaration_tells_its_place(shop: Shop) -> None:
    """A failed check leads to its line, which is no part of the code's version."""
    assert "test_split.py:" in POSITIVE.declared
    assert replace(POSITIVE, declared="elsewhere") == POSITIVE
    facts: Mapping[str, Any] = {"declared": POSITIVE.declared}
    assert facts["declared"] not in repr(POSITIVE)
