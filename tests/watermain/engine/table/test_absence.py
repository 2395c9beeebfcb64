"""Partitions computed although an optional input has nothing for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tests.watermain.engine.capture.test_lateness import Shards
from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish import test_publish as shop
from watermain.clock import FixedClock
from watermain.declare import (
    Column,
    Contract,
    Daily,
    DatasetName,
    Files,
    Kafka,
    dataset,
    needs,
    not_null,
    raw,
    refers_to,
    row_count,
)
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, table
from watermain.source.protocol import Batch

INSTANT = pa.timestamp("us", "UTC")
DAYS = Daily(start=date(2013, 1, 1))
EVENT = (Column("id", pa.string(), "the event"), Column("at", INSTANT, "when"))
CONTRACT = Contract(grain="one row per event", key=("id",), event_time="at", columns=EVENT)
OWNER = "team:field"
NOW = FixedClock(datetime(2013, 1, 4, tzinfo=UTC))

reports = raw(
    "field.raw.reports",
    source=Files(connection="drop", pattern="r*.csv", format="csv"),
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
ODD = (
    Column("amount", pa.decimal128(12, 2), "of each type that is odd", unit="USD"),
    Column("tags", pa.list_(pa.string()), "a list"),
    Column("place", pa.struct([("x", pa.float64()), ("on", pa.date32())]), "a struct"),
)
readings = raw(
    "field.raw.readings",
    source=Kafka(connection="bus", topic="readings"),
    contract=replace(CONTRACT, columns=(*EVENT, *ODD)),
    cadence=DAYS,
    owner=OWNER,
)


@dataset(
    "field.curated.conditions",
    inputs={
        "reports": "field.raw.reports",
        "readings": needs(
            "field.raw.readings",
            columns={"id": pa.string(), "amount": pa.decimal128(12, 2), "place": ODD[2].type},
            guarantees=(not_null("id"),),
            optional=True,
        ),
    },
    contract=replace(
        CONTRACT, columns=(*EVENT, Column("amount", pa.decimal128(12, 2), "read", unit="USD"))
    ),
    cadence=DAYS,
    owner=OWNER,
)
def conditions(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported, with what was read of it and when the bus told."""
    read = readings.order_by("_timestamp").select("id", "amount")
    return reports.select("id", "at").left_join(read, "id").drop("id_right")


KNOWN = {d.name: d for d in (reports, readings, conditions)}
FIRST = Span(DAYS, "2013-01-01", "2013-01-03")


def job(lake: Lake, **words: Any) -> Job:
    """Work on the lake, on the fourth of January."""
    return Job(lake=lake, find=KNOWN.__getitem__, clock=NOW, **words)


def reported(lake: Lake) -> None:
    """Capture a report on each of two days."""
    batch = Shards().batch("2013-01-01 10:00:00+00", "2013-01-03 10:00:00+00")
    capture(reports, job(lake), source=Feed(batch))


def heard(lake: Lake, offset: int, name: str) -> None:
    """Capture a reading of an event of the first of January."""
    row = {
        "id": name,
        "at": "2013-01-01 10:30:00+00",
        "amount": "12.50",
        "tags": '["a"]',
        "place": '{"x": 1.5, "on": "2013-01-01"}',
        "_partition": "0",
        "_offset": str(offset),
        "_timestamp": "2013-01-01 11:00:00+00",
        "_key": name,
        "_headers": "[]",
    }
    rows = pa.table({k: pa.array([v], pa.string()) for k, v in row.items()})
    batch = Batch(shard="0", start=str(offset or ""), end=str(offset + 1), rows=rows)
    capture(readings, job(lake), source=Feed(batch))


def amounts(lake: Lake) -> dict[str, Any]:
    """What readers see."""
    with lake.get_connection() as connection:
        return dict(
            connection.execute(f"select id, amount from {table(conditions.name)}").fetchall()
        )


@pytest.mark.parametrize("rebuild", [False, True])
def test_range_is_computed_before_the_optional_input_was_ever_published(
    lake: Lake, rebuild: bool
) -> None:
    """The body is given a table with every column that the input would have, without a row."""
    reported(lake)
    done = publish(conditions, FIRST, job(lake, rebuild=rebuild))
    assert [(o.partition, o.rows_out, o.blocked) for o in done.outcomes] == [
        ("2013-01-01", 1, False),
        ("2013-01-02", 0, False),
        ("2013-01-03", 1, False),
    ]
    assert amounts(lake) == {"a0.0": None, "a0.1": None}


def test_only_the_partition_changes_that_the_optional_input_came_for(lake: Lake) -> None:
    """Its version is another; the other days stand."""
    reported(lake)
    before = {o.partition: o.data_version for o in publish(conditions, FIRST, job(lake)).outcomes}
    assert not any(o.published for o in publish(conditions, FIRST, job(lake)).outcomes)
    heard(lake, 0, "a0.0")
    done = publish(conditions, FIRST, job(lake))
    assert [o.partition for o in done.outcomes if o.published] == ["2013-01-01"]
    changed = {o.partition for o in done.outcomes if before[o.partition] != o.data_version}
    assert changed == {"2013-01-01"}
    assert {k: str(v) for k, v in amounts(lake).items()} == {"a0.0": "12.50", "a0.1": "None"}


def test_input_under_two_names_is_optional_where_both_say_so() -> None:
    """One that is needed anyway is waited for."""
    twice = replace(
        conditions,
        inputs={**conditions.inputs, "again": readings.name},
        body=lambda reports, readings, again: reports,
    )
    assert conditions.is_optional(readings.name)
    assert not conditions.is_optional(reports.name)
    assert not twice.is_optional(readings.name)
    both = replace(twice, needs={**conditions.needs, "again": conditions.needs["readings"]})
    assert both.is_optional(readings.name)


def test_optional_input_with_a_least_number_of_rows_is_refused() -> None:
    """Both cannot be kept."""
    with pytest.raises(InvalidDeclarationError, match="what is optional may have no row") as told:
        needs("field.raw.readings", columns=("id",), guarantees=(row_count(low=1),), optional=True)
    assert "needs('field.raw.readings') relies on `row_count" in told.value.what
    needs("field.raw.readings", columns=("id",), guarantees=(row_count(low=0),), optional=True)


@pytest.mark.parametrize("is_captured", [True, False])
def test_captured_rows_refer_to_what_was_never_published_as_to_no_row(
    is_captured: bool, lake: Lake
) -> None:
    """They land, each of them a stranger; what came since is known to the next batch."""
    given = {"id": ["s3"], "at": [datetime(2013, 1, 1, 10)], "amount": [1]}
    rows = pa.table(given, schema=shop.sales.contract.schema)
    made = replace(shop.sales, inputs={}, checks=(), body=lambda: rows)
    things = replace(shop.events if is_captured else made, name=DatasetName("shop", "raw", "all"))
    refers = replace(shop.events, checks=(refers_to("id", str(things.name), severity="warn"),))
    job = Job(lake=lake, find={d.name: d for d in (refers, things)}.__getitem__)

    def strangers(batch: Batch) -> list[tuple[int, int]]:
        done = capture(refers, job, source=Feed(batch))
        found = [f for o in done.outcomes for f in o.findings if f.check == "refers_to_id"]
        return [(f.failing, f.rows) for f in found]

    assert strangers(changes([shop.sold(1, 1, 1), shop.sold(2, 1, 2)])) == [(2, 2)]
    if is_captured:
        capture(things, job, source=Feed(changes([shop.sold(3, 1, 1)])))
    else:
        publish(things, shop.days(1, 1), job).refuse_blocked()
    late = [shop.sold(3, 1, 1), shop.sold(4, 1, 2)]
    assert strangers(changes(late, start="1", end="2")) == [(1, 2)]
