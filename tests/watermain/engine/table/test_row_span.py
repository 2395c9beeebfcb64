"""Event times that no calendar has, or that lie ages apart: each costs its own row alone."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.watermain.engine.feed import Feed
from watermain.declare import Cadence, Column, Contract, Daily, Dataset, Files, Hourly, Monthly, raw
from watermain.declare.errors import InvalidCadenceError
from watermain.engine.capture.calendar_reach import outside_calendar
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.table.row_span import span_of_rows
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.protocol import Batch

EARLY = "`at` lies before the first partition"
LATE = "`at` lies behind the calendar, which ends with the year 9998"
INSTANT, LOCAL, DAY = pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.date32()
NEW_YORK = Daily(zone="America/New_York")
CADENCES = (Daily(), Hourly(), Monthly(), NEW_YORK, Monthly(zone="Pacific/Kiritimati"))
GOOD = "2024-05-01"


def events(cadence: Cadence, kind: pa.DataType = INSTANT) -> Dataset:
    """Events cut by a cadence."""
    return raw(
        "shop.raw.events",
        source=Files(connection="drop", pattern="*.csv", format="csv"),
        contract=Contract(
            grain="one row per event",
            key=("id",),
            event_time="at",
            columns=(Column("id", pa.string(), "the event"), Column("at", kind, "when")),
        ),
        cadence=cadence,
        owner="team:shop",
    )


def arrived(*instants: str) -> Batch:
    """A batch of events, numbered from 0."""
    own = {"_file": "f", "_file_hash": "h", "_delivered_at": "2013-01-01 00:00:00+00"}
    rows = [{"id": str(n), "at": at, **own, "_row": str(n)} for n, at in enumerate(instants)]
    return Batch(shard="files/h", start="", end="h", rows=pa.Table.from_pylist(rows))


def captured(
    lake: Lake, dataset: Dataset, *instants: str
) -> tuple[Publication, list[Any], dict[str, tuple[str, str]]]:
    """What a capture did, the ids in raw, each id aside with its reason and event time."""
    job = Job(lake=lake, find={dataset.name: dataset}.__getitem__)
    done = capture(dataset, job, source=Feed(arrived(*instants)))
    with lake.get_connection() as connection:
        rows = connection.execute(f"select id from {table(dataset.name)} order by 1").fetchall()
        aside = connection.execute(f"select reason, payload from {ledger.QUARANTINE}").fetchall()
    told = {json.loads(p)["id"]: (reason, json.loads(p)["at"]) for reason, p in aside}
    return done, [row[0] for row in rows], told


@pytest.mark.parametrize("kind", [INSTANT, LOCAL, DAY], ids=["instant", "local", "day"])
@pytest.mark.parametrize("cadence", CADENCES, ids=repr)
def test_event_time_outside_the_calendar_goes_aside_alone(
    lake: Lake, cadence: Cadence, kind: pa.DataType
) -> None:
    """Infinities, years before Christ or of five digits: each row aside, its neighbour kept."""
    odd = {
        "infinity": LATE, "-infinity": EARLY, "20240-05-01": LATE, "9999-12-31": LATE,
        "9999-01-02": LATE, "290000-01-01": LATE, "0044-03-15 (BC)": EARLY, "0001-01-01": EARLY,
        "2012-12-30": EARLY,
    }  # fmt: skip
    done, rows, aside = captured(lake, events(cadence, kind), GOOD, *odd)
    assert rows == ["0"]
    assert len(done.outcomes) == 1
    assert {at for _, at in aside.values()} == odd.keys()
    assert all(why in (odd[at], f"`at` is not {kind}") for why, at in aside.values())
    assert {why for why, _ in aside.values()} >= {EARLY, LATE}


@pytest.mark.parametrize("cadence", CADENCES, ids=repr)
@pytest.mark.parametrize("far", ["2100-01-01 05:00:00", "9998-12-30 00:00:00"])
def test_ages_between_two_rows_cost_nothing(lake: Lake, cadence: Cadence, far: str) -> None:
    """Two partitions are audited and told of, the seven million hours between are not."""
    began = time.process_time()
    done, rows, aside = captured(lake, events(cadence), f"{GOOD} 10:00:00Z", f"{far}Z")
    spent = time.process_time() - began
    assert (rows, aside) == (["0", "1"], {})
    instants = [datetime.fromisoformat(f"{at}+00:00") for at in (f"{GOOD} 10:00:00", far)]
    assert [o.partition for o in done.outcomes] == [cadence.key_of(at) for at in instants]
    assert spent < 6  # of CPU: two seconds as promised, on a machine that is busy beside


def test_days_far_apart_have_the_keys_of_the_cadence() -> None:
    """Each change of the clock near a row is known, though most of them are never looked at."""
    dataset = events(NEW_YORK)
    texts = [
        f"{year}-{day}+00:00"
        for year in (2013, 2014, 2044, 2077, 2399, 5000, 9998)
        for day in ("03-14 04:30:00", "03-14 05:00:00", "07-01 03:59:59", "11-05 04:59:00")
    ]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute('create table t (id varchar, "at" timestamptz)')
        connection.executemany(
            "insert into t values (?, ?)", [[f"y{n}", t] for n, t in enumerate(texts)]
        )
        span = span_of_rows(connection, dataset, "t")
        assert span is not None
        assert len(span.days) == len({each[:10] for each in texts})
        found = connection.execute(f"select {span.key(dataset.contract)} from t").fetchall()
        assert span_of_rows(connection, dataset, "t", "false") is None
        near = span_of_rows(connection, dataset, "t", "id in ('y0', 'y7')")
        assert near is not None
        assert (near.first, near.last, near.days) == ("2013-03-14", "2014-11-04", ())
        flat = span_of_rows(connection, replace(dataset, cadence=Hourly()), "t")
        assert flat is not None
        assert flat.days == ()
        assert span_of_rows(connection, replace(dataset, cadence=None), "t") is None
    wanted = [NEW_YORK.key_of(datetime.fromisoformat(each)) for each in texts]
    assert [key for (key,) in found] == wanted


def test_monthly_calendar_begins_with_its_first_whole_month() -> None:
    """What lies between the first day and that month has no partition of its own."""
    cadence = Monthly(start=date(2013, 1, 15))
    assert (cadence.first, cadence.beyond) == ("2013-02-01", "9999-01-01")
    early, late = outside_calendar(events(cadence), "v")
    assert early == f"when v < timestamptz '2013-02-01T00:00:00+00:00' then '{EARLY}'"
    assert late == f"when v >= timestamptz '9999-01-01T00:00:00+00:00' then '{LATE}'"
    assert (Hourly().first, Hourly().beyond) == ("2013-01-01-00:00", "9999-01-01-00:00")
    assert cadence.window(cadence.first).start == datetime(2013, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("start", [date(1, 1, 1), date(999, 12, 31), date(9999, 1, 1)])
def test_calendar_has_years_of_four_digits(start: date) -> None:
    """No other first day can be declared: its partitions would have no key."""
    with pytest.raises(InvalidCadenceError, match="lies outside the years 1000 to 9998") as refused:
        Daily(start=start)
    assert refused.value.what == f"Daily: start {start} lies outside the years 1000 to 9998"
    assert Daily(start=date(1000, 1, 1), zone="Asia/Tokyo").window("1000-01-01").start.year == 999
