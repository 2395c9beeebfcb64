"""Bodies that look back: given what lies before a partition, publishing their own rows alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import ibis
import pyarrow as pa
import pytest

from tests.watermain.engine.capture.test_lateness import Shards
from tests.watermain.engine.capture.test_stream import until
from tests.watermain.engine.feed import Feed
from watermain.clock import FixedClock
from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Files,
    Hourly,
    Monthly,
    dataset,
    needs,
    raw,
    row_count,
)
from watermain.declare.errors import (
    BrokenRoomError,
    InvalidCadenceError,
    InvalidDeclarationError,
    UnreachableSystemError,
)
from watermain.engine.capture.follow import Follower, in_order
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.stream import PREFIX
from watermain.engine.plan.rhythm import follows
from watermain.engine.publish.publication import Job, check_labels
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span, touched
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.orchestrate.policy import dependency
from watermain.orchestrate.sensors.streamed import streamed_events
from watermain.orchestrate.sensors.told import Told
from watermain.trouble import troubles

DAYS = Daily(start=date(2013, 1, 1), every=timedelta(milliseconds=1))
INSTANT = pa.timestamp("us", "UTC")
EVENT = (Column("id", pa.string(), "the event"), Column("at", INSTANT, "when"))

events = raw(
    "shop.raw.visits",
    source=Files(connection="drop", pattern="*.csv", format="csv"),
    contract=Contract(grain="one row per visit", key=("id",), event_time="at", columns=EVENT),
    cadence=DAYS,
    owner="team:shop",
)


@dataset(
    "shop.curated.traffic",
    inputs={"visits": needs("shop.raw.visits", columns=("id", "at"), before=timedelta(hours=3))},
    contract=Contract(
        grain="one row per visit",
        key=("id",),
        event_time="at",
        columns=(*EVENT, Column("recent", pa.int64(), "visits of the last three hours")),
    ),
    cadence=DAYS,
    owner="team:shop",
)
def traffic(visits: ibis.Table) -> ibis.Table:
    """Count the visits of the three hours up to each."""
    window = ibis.range_window(order_by=visits["at"], preceding=ibis.interval(hours=3), following=0)
    return visits.select("id", "at", recent=visits.count().over(window))


@dataset(
    "shop.curated.crowds",
    inputs={"traffic": "shop.curated.traffic"},
    contract=Contract(
        grain="one row per visit among others", key=("id",), event_time="at", columns=EVENT
    ),
    checks=(row_count(low=0),),
    cadence=DAYS,
    owner="team:shop",
)
def crowds(traffic: ibis.Table) -> ibis.Table:
    """Keep the visits that were not alone."""
    return traffic.filter(traffic.recent > 1).select("id", "at")


Came = Callable[..., None]
KNOWN = {d.name: d for d in (events, traffic, crowds)}


NOW = FixedClock(datetime(2013, 1, 3, 12, tzinfo=UTC))


def job(lake: Lake, run: str = "by hand") -> Job:
    """Work on the lake, on the third of January."""
    return Job(lake=lake, find=KNOWN.__getitem__, run_id=run, clock=NOW)


@pytest.fixture
def came(lake: Lake) -> Came:
    """Capture visits at some times, batch after batch."""
    shards = Shards()

    def more(*when: str) -> None:
        batch = shards.batch(*(f"{w}:00+00" for w in when))
        capture(events, job(lake), source=Feed(batch))

    return more


def recent(lake: Lake) -> dict[str, int]:
    """What each visit counts."""
    with lake.get_connection() as connection:
        if not ledger.latest(connection, traffic.name):
            return {}
        rows = connection.execute(
            f"select strftime(t.at, '%d %H:%M'), recent from {table(traffic.name)} t order by t.at"
        ).fetchall()
    return dict(rows)


def test_body_sees_the_day_before_but_publishes_its_own_day(lake: Lake, came: Came) -> None:
    """Half past midnight counts the evening; the evening's rows are not written again."""
    came("2013-01-01 22:30", "2013-01-01 23:50", "2013-01-02 00:30", "2013-01-02 09:00")
    done = publish(traffic, Span(DAYS, "2013-01-02", "2013-01-02"), job(lake))
    assert recent(lake) == {"02 00:30": 3, "02 09:00": 1}
    assert [o.rows_out for o in done.outcomes] == [2]
    assert not [f for o in done.outcomes for f in o.findings if not f.passed]


def test_range_gives_what_single_days_give(lake: Lake, came: Came) -> None:
    """One call for three days, or one for each."""
    came("2013-01-01 23:00", "2013-01-02 01:00", "2013-01-02 23:59", "2013-01-03 00:00")
    publish(traffic, Span(DAYS, "2013-01-01", "2013-01-03"), job(lake))
    whole = recent(lake)
    for day in ("2013-01-01", "2013-01-02", "2013-01-03"):
        publish(traffic, Span(DAYS, day, day), replace(job(lake), rebuild=True))
    assert recent(lake) == whole == {"01 23:00": 1, "02 01:00": 2, "02 23:59": 1, "03 00:00": 2}


def test_late_row_changes_the_day_that_looks_back_at_it(lake: Lake, came: Came) -> None:
    """What stands is not computed again, unless the day before has new rows."""
    came("2013-01-01 12:00", "2013-01-02 00:30")
    day = Span(DAYS, "2013-01-02", "2013-01-02")
    publish(traffic, day, job(lake))
    assert not publish(traffic, day, job(lake)).outcomes[0].published
    came("2013-01-01 23:45")
    assert publish(traffic, day, job(lake)).outcomes[0].published
    assert recent(lake) == {"02 00:30": 2}


def test_first_partition_has_nothing_to_look_back_at(lake: Lake, came: Came) -> None:
    """Before the cadence starts there is nothing."""
    came("2013-01-01 00:10")
    publish(traffic, Span(DAYS, "2013-01-01", "2013-01-01"), job(lake))
    assert recent(lake) == {"01 00:10": 1}


@pytest.mark.parametrize(
    ("reader", "other", "key", "before", "found"),
    [
        (DAYS, DAYS, "2013-01-02", timedelta(0), ["2013-01-02"]),
        (DAYS, DAYS, "2013-01-02", timedelta(hours=3), ["2013-01-02", "2013-01-03"]),
        (DAYS, DAYS, "2013-01-02", timedelta(days=2), ["2013-01-02", "2013-01-03", "2013-01-04"]),
        (Monthly(), DAYS, "2013-01-31", timedelta(hours=1), ["2013-01-01", "2013-02-01"]),
        (DAYS, Hourly(), "2013-01-02-23:00", timedelta(0), ["2013-01-02"]),
        (DAYS, Hourly(), "2013-01-02-23:00", timedelta(hours=1), ["2013-01-02", "2013-01-03"]),
        (
            Daily(zone="America/New_York"),
            Daily(),
            "2013-01-02",
            timedelta(0),
            ["2013-01-01", "2013-01-02"],
        ),
    ],
)
def test_touched_partitions(
    reader: Daily, other: Daily, key: str, before: timedelta, found: list[str]
) -> None:
    """The partitions of a reader that a partition of its input belongs to."""
    assert touched(reader, other, key, before) == found


def test_dagster_knows_how_far_back_a_partition_reads() -> None:
    """The mapping leads to the day before; a plain input has none."""
    found = dependency(traffic, events.name).partition_mapping
    assert isinstance(found, dg.TimeWindowPartitionMapping)
    assert (found.start_offset, found.end_offset) == (-1, 0)
    assert dependency(crowds, traffic.name).partition_mapping is None


def test_follower_keeps_a_chain_up_with_its_source(lake: Lake, came: Came) -> None:
    """Two computed datasets follow what is captured; what stands is left alone."""
    told: list[str] = []
    seen: list[DatasetName] = []
    follower = Follower(
        datasets=[crowds, traffic],
        job=job(lake, f"{PREFIX}1"),
        stop=threading.Event(),
        tell=told.append,
        after=lambda d, _: seen.append(d.name),
    )
    came("2013-01-03 11:00")
    with following(follower):
        until(lambda: recent(lake) == {"03 11:00": 1})
        came("2013-01-03 11:30", "2013-01-02 23:30")
        until(lambda: recent(lake).get("03 11:30") == 2)
        until(lambda: count(lake, crowds) == 1)
    assert not told
    assert {traffic.name, crowds.name} == set(seen)
    with lake.get_connection() as connection:
        rows = ledger.latest(connection, traffic.name)
    assert {r.run_id for r in rows.values()} == {f"{PREFIX}1"}
    events = streamed_events(lake, [traffic], Told(), datetime.now(UTC))
    checks = {e.check_name: e.passed for e in events if isinstance(e, dg.AssetCheckEvaluation)}
    assert checks == dict.fromkeys((label for label, _ in check_labels(traffic)), True)
    assert "needs_visits_columns" in checks


def test_follower_tells_a_refusal_once_and_goes_on(lake: Lake, came: Came) -> None:
    """A body that breaks its contract is told; readers keep what stands."""
    told: list[str] = []
    strict = replace(crowds, checks=(row_count(low=1),))
    known = {**KNOWN, strict.name: strict}
    work = Job(lake=lake, find=known.__getitem__, run_id=f"{PREFIX}2", clock=NOW)
    follower = Follower(
        datasets=[traffic, strict], job=work, stop=threading.Event(), tell=told.append
    )
    came("2013-01-03 11:00")
    with following(follower):
        until(lambda: bool(told))
        came("2013-01-03 11:30")
        until(lambda: count(lake, strict) == 1)
    assert "row_count" in told[0]
    assert told[0].startswith("BrokenContractError: shop.curated.crowds [2013-01-0")


def test_follower_tries_again_what_follows_a_publish(lake: Lake, came: Came) -> None:
    """A store that is away is told once, tried until it is there; other datasets go on."""
    told: list[str] = []
    tries: list[DatasetName] = []

    def push(dataset: Dataset, _: Job) -> None:
        tries.append(dataset.name)
        if dataset.name == traffic.name and tries.count(traffic.name) < 3:
            raise UnreachableSystemError("the store is away", declared="a", data="b", next="c")

    follower = Follower(
        datasets=[traffic, crowds],
        job=job(lake, f"{PREFIX}3"),
        stop=threading.Event(),
        tell=told.append,
        after=push,
    )
    came("2013-01-03 11:00", "2013-01-03 11:30")
    with following(follower):
        until(lambda: count(lake, crowds) == 1)
        until(lambda: tries.count(traffic.name) == 3)
    assert crowds.name in tries[: tries.index(traffic.name) + 3]
    assert [line.splitlines()[0] for line in told] == ["UnreachableSystemError: the store is away"]


def test_follower_goes_on_beside_what_reads_a_room_that_never_loaded(
    lake: Lake, came: Came, home: Path
) -> None:
    """It is told once with what reads it in turn, is trouble to status; the others are followed."""
    told: list[str] = []
    dark = DatasetName.parse("dark.curated.forecasts")
    why = BrokenRoomError("room dark does not load", declared="a", data="b", next="c")
    name = DatasetName.parse("shop.curated.forecast")
    forecast = replace(traffic, name=name, inputs={"visits": dark})
    below = replace(crowds, name=DatasetName.parse("shop.curated.below"))
    below = replace(below, inputs=dict.fromkeys(crowds.inputs, forecast.name))
    known = {**KNOWN, forecast.name: forecast, below.name: below}

    def find(name: DatasetName) -> Dataset:
        if name == dark:
            raise why
        return known[name]

    work = Job(lake=lake, find=find, run_id=f"{PREFIX}4", clock=NOW)
    asked = [below, forecast, crowds, traffic]
    follower = Follower(datasets=asked, job=work, stop=threading.Event(), tell=told.append)
    came("2013-01-03 11:00", "2013-01-03 11:30")
    with following(follower):
        until(lambda: count(lake, crowds) == 1)
        waits = {each.dataset: each.what for each in troubles(home)}
    assert waits == dict.fromkeys(map(str, (forecast.name, below.name)), why.what)
    assert told == [f"BrokenRoomError: {why}"] * 2
    assert troubles(home) == []
    alone = Follower(datasets=[forecast], job=work, stop=threading.Event(), tell=told.append)
    with following(alone):
        until(lambda: bool(troubles(home)))
    assert troubles(home) == []


def test_follower_computes_downstream_after_upstream() -> None:
    """Whatever the order they are given in."""
    assert [d.name for d in in_order([crowds, traffic])] == [traffic.name, crowds.name]
    assert follows(traffic)
    assert not follows(events)


@pytest.mark.parametrize("every", [timedelta(0), timedelta(seconds=-1)])
def test_pace_must_be_positive(every: timedelta) -> None:
    """A pace of nothing is refused."""
    with pytest.raises(InvalidCadenceError, match="every"):
        Daily(every=every)


def test_pace_does_not_change_what_partitions_are() -> None:
    """Cadences that differ by their pace cut alike."""
    assert Daily(every=timedelta(seconds=1)) == Daily()


def test_looking_into_the_future_is_refused() -> None:
    """`before` counts backwards."""
    with pytest.raises(InvalidDeclarationError, match="look back by a positive time"):
        needs("shop.raw.visits", columns=("id",), before=timedelta(hours=-1))


@contextmanager
def following(follower: Follower) -> Iterator[None]:
    """Let a follower run for the block."""
    thread = threading.Thread(target=follower.run)
    thread.start()
    try:
        yield
    finally:
        follower.stop.set()
        thread.join(240)
    assert not thread.is_alive()


def count(lake: Lake, found: Dataset) -> int:
    """How many rows stand; none before the first publish."""
    with lake.get_connection() as connection:
        rows = ledger.latest(connection, found.name)
    return sum(r.rows_out for r in rows.values())
