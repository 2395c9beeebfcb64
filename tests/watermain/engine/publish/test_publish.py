"""Publishing: partitions replaced whole, refused ones kept, reruns without effect."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tests.watermain.engine.feed import Feed, changes
from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Postgres,
    between,
    dataset,
    latest_per_key,
    raw,
    row_count,
)
from watermain.declare.errors import BrokenContractError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.difference import difference
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, quote, table

DAYS = Daily(start=date(2013, 1, 1))
COLUMNS = (
    Column("id", pa.string(), "the thing"),
    Column("at", pa.timestamp("us"), "when"),
    Column("amount", pa.int64(), "how many"),
)

events = raw(
    "shop.raw.events",
    source=Postgres(connection="shop", table="public.events"),
    contract=Contract(grain="one row per change", key=("id",), event_time="at", columns=COLUMNS),
    cadence=DAYS,
    owner="team:shop",
)


def declare(body: Any, **words: Any) -> Dataset:
    """A curated dataset over the events."""
    made: Dataset = dataset(
        "shop.curated.sales",
        inputs={"events": "shop.raw.events"},
        contract=Contract(grain="one row per sale", key=("id",), event_time="at", columns=COLUMNS),
        owner="team:shop",
        cadence=DAYS,
        **words,
    )(body)
    return made


def latest(events: ibis.Table) -> ibis.Table:
    """Keep the latest of each."""
    return latest_per_key(events, "id")


sales = declare(latest, checks=(between("amount", low=0), row_count(low=1)))
KNOWN = {d.name: d for d in (events, sales)}


def job(lake: Lake, **words: Any) -> Job:
    return Job(lake=lake, find=KNOWN.__getitem__, **words)


def days(first: int, last: int) -> Span:
    return Span(DAYS, f"2013-01-{first:02}", f"2013-01-{last:02}")


def rows(lake: Lake, of: Dataset = sales) -> list[tuple[Any, ...]]:
    """The visible rows."""
    with lake.get_connection() as connection:
        return connection.execute(
            f'select id, "at"::date::varchar, amount from {table(of.name)} order by all'
        ).fetchall()


def sold(number: int, day: int, amount: object, **more: object) -> dict[str, object]:
    return {"id": f"s{number}", "at": f"2013-01-{day:02} 10:00:00", "amount": amount, **more}


@pytest.fixture
def stocked(lake: Lake) -> Lake:
    """A lake with three days of events."""
    given = [sold(n, 1 + n % 3, n) for n in range(9)]
    capture(events, job(lake), source=Feed(changes(given)))
    return lake


def published(done: Publication) -> list[str]:
    return [o.partition for o in done.outcomes if o.published and not o.blocked]


def test_publish_makes_every_partition_of_a_range_visible(stocked: Lake) -> None:
    """A range is one publish with an outcome for each partition."""
    done = publish(sales, days(1, 3), job(stocked))
    assert published(done) == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert [(o.rows_in, o.rows_out) for o in done.outcomes] == [(3, 3)] * 3
    assert len(rows(stocked)) == 9


def test_publish_says_nothing_new_when_inputs_and_code_are_the_same(stocked: Lake) -> None:
    """A rerun adds no snapshot."""
    first = publish(sales, days(1, 3), job(stocked))
    again = publish(sales, days(1, 3), job(stocked))
    assert published(again) == []
    assert again.output_snapshot == first.output_snapshot


def test_publish_replaces_only_the_partition_whose_input_changed(stocked: Lake) -> None:
    """A late change of one day publishes that day."""
    publish(sales, days(1, 3), job(stocked))
    late = [sold(1, 2, 100, _op="u")]
    capture(events, job(stocked), source=Feed(changes(late, start="1", end="2")))
    done = publish(sales, days(1, 3), job(stocked))
    assert published(done) == ["2013-01-02"]
    assert ("s1", "2013-01-02", 100) in rows(stocked)
    assert len(rows(stocked)) == 9


def test_publish_keeps_old_rows_of_a_refused_partition_but_publishes_the_others(
    stocked: Lake,
) -> None:
    """One bad day does not hold back the good ones."""
    publish(sales, days(1, 3), job(stocked))
    late = [sold(0, 1, 7, _op="u"), sold(1, 2, -5, _op="u"), sold(2, 3, 8, _op="u")]
    capture(events, job(stocked), source=Feed(changes(late, start="1", end="2")))
    done = publish(sales, days(1, 3), job(stocked))
    assert published(done) == ["2013-01-01", "2013-01-03"]
    found = rows(stocked)
    assert ("s1", "2013-01-02", 1) in found
    assert ("s1", "2013-01-02", -5) not in found
    assert ("s0", "2013-01-01", 7) in found
    with pytest.raises(BrokenContractError) as refused:
        done.refuse_blocked()
    assert "[2013-01-02]: 1 of 3 rows break `between_amount`, such as s1" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 4


def test_first_publish_keeps_each_partition_that_passes_around_a_refused_one(lake: Lake) -> None:
    """Several commits make what one could not, none of them with the refused day."""
    given = [sold(n, 1 + n % 3, -1 if n % 3 == 1 else n) for n in range(9)]
    capture(events, job(lake), source=Feed(changes(given)))
    done = publish(sales, days(1, 3), job(lake))
    assert published(done) == ["2013-01-01", "2013-01-03"]
    assert [(o.rows_in, o.rows_out) for o in done.outcomes] == [(3, 3)] * 3
    assert {day for _, day, _ in rows(lake)} == {"2013-01-01", "2013-01-03"}
    assert published(publish(sales, days(1, 3), job(lake))) == []


def test_rows_read_are_those_that_raw_holds_after_changes_of_every_kind(stocked: Lake) -> None:
    """The ledger counts tombstones, too."""
    gone = [sold(1, 2, 1, _op="d"), {"_op": "t"}, sold(20, 2, 5)]
    capture(events, job(stocked), source=Feed(changes(gone, start="1", end="2")))
    done = publish(sales, days(1, 3), job(stocked))
    held = Counter(day for _, day, _ in rows(stocked, events))
    assert {o.partition: o.rows_in for o in done.outcomes} == held
    assert sum(held.values()) > 11


def test_publish_refuses_rows_outside_the_partitions_asked_for(stocked: Lake) -> None:
    """A body that moves rows to another day is caught."""

    def moved(events: ibis.Table) -> ibis.Table:
        kept = latest_per_key(events, "id")
        return kept.mutate(at=kept.at + ibis.interval(days=1))

    done = publish(declare(moved), days(1, 1), job(stocked))
    assert {f.check for o in done.outcomes for f in o.findings if f.blocks} == {"within_partition"}
    assert rows(stocked) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lambda events: events.select("id", "at"), "lacks `amount`"),
        (lambda events: events.select("id", "at", "amount", "_op"), "adds `_op`"),
        (
            lambda events: events.select("id", "at", amount=events.amount.cast("string")),
            "gives `amount` as VARCHAR, which BIGINT",
        ),
    ],
)
def test_publish_refuses_a_body_that_returns_another_table(
    stocked: Lake, body: Any, says: str
) -> None:
    """Columns and types are the contract's, or nothing is written."""
    with pytest.raises(BrokenContractError, match=says):
        publish(declare(body), days(1, 1), job(stocked))
    assert rows(stocked) == []


def test_publish_takes_arrow_and_pandas_bodies(stocked: Lake) -> None:
    """The annotation decides what a body is given."""

    def arrow(events: pa.Table) -> pa.Table:
        return events.select(["id", "at", "amount"])

    def frame(events: "pd.DataFrame") -> "pd.DataFrame":  # noqa: F821, UP037
        return events[["id", "at", "amount"]]

    for body in (arrow, frame):
        done = publish(declare(body), days(1, 3), job(stocked, rebuild=True))
        assert len(published(done)) == 3
        assert len(rows(stocked)) == 9


def test_capture_turns_deletes_and_truncates_into_tombstones(stocked: Lake) -> None:
    """A truncate reaches the partitions of every key that was alive."""
    gone = changes([sold(0, 1, 0, _op="d"), {"_op": "t"}, sold(77, 3, 5)], start="1", end="2")
    capture(events, job(stocked), source=Feed(gone))
    publish(sales, days(1, 3), job(stocked))
    assert rows(stocked) == [("s77", "2013-01-03", 5)]


def test_capture_quarantines_rows_that_do_not_fit_and_keeps_the_rest(lake: Lake) -> None:
    """Rows in are rows kept plus rows put aside, each with a reason."""
    given = [sold(1, 1, "12"), sold(2, 1, "1.5"), sold(3, 1, "x"), sold(4, 1, None)]
    given.append({"id": None, "at": "2013-01-01 00:00:00", "amount": 1})
    capture(events, job(lake), source=Feed(changes(given)))
    assert [r[0] for r in rows(lake, events)] == ["s1", "s4"]
    with lake.get_connection() as connection:
        aside = connection.execute(
            "select reason from lake.upkeep_raw.quarantine order by 1"
        ).fetchall()
        counts = connection.execute(
            "select rows, quarantined from lake.upkeep_raw.batches"
        ).fetchall()
    assert aside == [("`amount` is not int64",), ("`amount` is not int64",), ("`id` is null",)]
    assert counts == [(2, 3)]


def test_capture_acknowledges_only_what_the_ledger_holds(stocked: Lake) -> None:
    """A restart confirms the ledger's position first, and reads nothing twice."""
    feed = Feed(changes([sold(n, 1 + n % 3, n) for n in range(9)]))
    done = capture(events, job(stocked), source=feed)
    assert feed.acknowledged == [{"s": "1"}]
    assert done.outcomes == ()
    assert len(rows(stocked, events)) == 9


def test_capture_of_a_new_generation_buries_what_the_snapshot_lacks(stocked: Lake) -> None:
    """A reset replaces what was known."""
    fresh = changes([sold(1, 2, 50, _op="r")], end="9", reset=True)
    capture(events, job(stocked), source=Feed(_other_shard(fresh)))
    publish(sales, days(1, 3), job(stocked))
    assert rows(stocked) == [("s1", "2013-01-02", 50)]


def test_capture_of_an_empty_generation_buries_everything(stocked: Lake) -> None:
    """A snapshot without a row says that all is gone."""
    empty = changes([], end="9", reset=True)
    columns = changes([sold(1, 2, 50)]).rows.slice(0, 0)
    capture(events, job(stocked), source=Feed(replace(empty, shard="s2", rows=columns)))
    late = declare(latest)
    publish(late, days(1, 3), job(stocked))
    assert rows(stocked) == []


def _other_shard(batch: Any) -> Any:
    return replace(batch, shard="s2")


def test_names_are_looked_up() -> None:
    """The test's own registry is complete."""
    assert set(KNOWN) == {DatasetName.parse("shop.raw.events"), sales.name}


def test_publish_puts_values_under_their_names_when_a_column_came_in_between(
    stocked: Lake,
) -> None:
    """The table has the new column last, the contract has it in the middle."""

    def body(events: ibis.Table) -> ibis.Table:
        return latest_per_key(events, "id")

    publish(declare(body), days(1, 1), job(stocked)).refuse_blocked()
    gained = Column("twice", pa.int64(), "the amount, twice")

    def wider(events: ibis.Table) -> ibis.Table:
        latest = latest_per_key(events, "id")
        return latest.mutate(twice=latest["amount"] * 2)

    made: Dataset = dataset(
        "shop.curated.sales",
        inputs={"events": "shop.raw.events"},
        contract=Contract(
            grain="one row per sale",
            key=("id",),
            event_time="at",
            columns=(*COLUMNS[:2], gained, *COLUMNS[2:]),
        ),
        owner="team:shop",
        cadence=DAYS,
    )(wider)
    publish(made, days(1, 1), job(stocked)).refuse_blocked()
    with stocked.get_connection() as connection:
        rows = connection.execute(f"select amount, twice from {table(made.name)}").fetchall()
    assert rows
    assert all(twice == 2 * amount for amount, twice in rows)


def test_table_of_one_row_is_published(stocked: Lake) -> None:
    """Its key is empty, its number of rows is a rule."""
    columns = (Column("amount", pa.int64(), "all that was sold"),)
    one = Contract(grain="one row", key=(), columns=columns)

    def total(events: ibis.Table) -> ibis.Table:
        return events.aggregate(amount=events.amount.sum())

    def each(events: ibis.Table) -> ibis.Table:
        return events.select("amount")

    def made(body: Any) -> Dataset:
        words: dict[str, Any] = {"contract": one, "owner": "team:shop"}
        return dataset("shop.curated.total", inputs={"events": "shop.raw.events"}, **words)(body)

    done = publish(made(total), None, job(stocked))
    assert [(f.check, f.passed) for o in done.outcomes for f in o.findings] == [("row_count", True)]
    refused = publish(made(each), None, job(stocked))
    assert [(f.check, f.failing) for o in refused.outcomes for f in o.findings if f.blocks] != []
    with stocked.get_connection() as connection:
        assert connection.execute("select * from lake.shop_curated.total").fetchall() == [(36,)]


@pytest.mark.parametrize("name", ["o", "n", "_is", "rowid", 'a"b', "input_events", "select"])
def test_difference_knows_columns_of_any_name(stocked: Lake, name: str) -> None:
    """None of its own words is taken for a column."""
    columns = (Column("id", pa.string(), "the thing"), Column(name, pa.int64(), "odd"))

    def body(events: pa.Table) -> pa.Table:
        return pa.table([["a", "b"], [1, 2]], names=["id", name])

    odd = dataset(
        "shop.curated.odd",
        inputs={"events": "shop.raw.events"},
        contract=Contract(grain="one row per thing", key=("id",), columns=columns),
        owner="team:shop",
    )(body)
    publish(odd, None, job(stocked))
    other = f"(select 'b' as id, 5::bigint as {quote(name)})"
    with stocked.get_connection() as connection:
        found = difference(connection, odd, table(odd.name), other)
    assert (found.added, found.removed, found.changed, found.columns) == (0, 1, 1, {name: 1})
