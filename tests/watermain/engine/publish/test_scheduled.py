"""The newest partition that is over is due, with those before it that have a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import ibis
import pytest

from tests.watermain.engine.capture.test_lateness import Shards, events
from tests.watermain.engine.feed import Feed
from watermain.declare import Cadence, Daily, Dataset, Hourly, Monthly, Needs, dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.publish.scheduled import due, newest_finished
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake

DAYS = Daily(start=date(2013, 1, 1))
NOON = datetime(2013, 1, 10, 12, tzinfo=UTC)


@dataset(
    "shop.curated.days",
    inputs={"events": "shop.raw.events"},
    contract=events.contract,
    cadence=DAYS,
    owner="team:shop",
    schedule="15 4 * * *",
)
def days(events: ibis.Table) -> ibis.Table:
    """Read the events of a day."""
    return events.select("id", "at")


def job(lake: Lake, reader: Dataset = days) -> Job:
    """Work that knows both."""
    return Job(lake=lake, find={d.name: d for d in (events, reader)}.__getitem__)


def feed(lake: Lake, given: Shards, *days_of_january: int) -> None:
    """Let events of some days come."""
    instants = [f"2013-01-{day:02} 10:00" for day in days_of_january]
    capture(events, job(lake), source=Feed(given.batch(*instants)))


def done(lake: Lake, *keys: str, reader: Dataset = days) -> None:
    """Publish partitions, as the runs that were asked for do."""
    for key in keys:
        assert reader.cadence is not None
        publish(reader, Span(reader.cadence, key, key), job(lake, reader)).refuse_blocked()


def test_only_what_has_a_reason_is_due(lake: Lake) -> None:
    """Days with rows, and the newest one; then only what changed; the day that runs waits."""
    given = Shards()
    feed(lake, given, 2, 3, 10)
    asked = due(days, job(lake), NOON)
    assert asked == ["2013-01-02", "2013-01-03", "2013-01-09"]
    done(lake, *asked)
    assert due(days, job(lake), NOON) == ["2013-01-09"]
    feed(lake, given, 2, 10)
    assert due(days, job(lake), NOON) == ["2013-01-02", "2013-01-09"]
    done(lake, "2013-01-02", "2013-01-09")
    tomorrow = NOON + timedelta(days=1)
    assert due(days, job(lake), tomorrow) == ["2013-01-10"]


def test_changed_code_is_a_reason_for_all_that_stands(lake: Lake) -> None:
    """But not for days that nobody ever had rows for."""
    feed(lake, Shards(), 2, 5)
    done(lake, "2013-01-02", "2013-01-05")
    changed = replace(days, body=lambda events: events.select("id", "at").distinct())
    assert due(changed, job(lake, changed), NOON) == ["2013-01-02", "2013-01-05", "2013-01-09"]


def test_a_look_back_reaches_the_days_after(lake: Lake) -> None:
    """A day's rows are read by the two after it, too."""
    needs = Needs(dataset=events.name, columns={"id": None, "at": None}, before=timedelta(days=2))
    back = replace(days, needs={"events": needs})
    feed(lake, Shards(), 4)
    asked = due(back, job(lake, back), NOON)
    assert asked == ["2013-01-04", "2013-01-05", "2013-01-06", "2013-01-09"]


def test_a_month_is_due_once_it_is_over(lake: Lake) -> None:
    """Its days came before."""
    months = replace(days, cadence=Monthly(start=date(2013, 1, 1)))
    feed(lake, Shards(), 2)
    assert due(months, job(lake, months), NOON) == []
    assert due(months, job(lake, months), datetime(2013, 2, 1, 4, tzinfo=UTC)) == ["2013-01-01"]


def test_an_empty_lake_has_its_newest_partition_due(lake: Lake) -> None:
    """Nothing stands, nothing came: the newest day is computed, as it was asked for."""
    feed(lake, Shards())
    assert due(days, job(lake), NOON) == ["2013-01-09"]


@pytest.mark.parametrize(
    ("cadence", "now", "key"),
    [
        (DAYS, datetime(2012, 12, 31, 12, tzinfo=UTC), None),
        (DAYS, datetime(2013, 1, 1, 12, tzinfo=UTC), None),
        (DAYS, datetime(2013, 1, 2, tzinfo=UTC), "2013-01-01"),
        (Hourly(start=date(2013, 1, 1)), datetime(2013, 1, 1, 2, 5, tzinfo=UTC),
         "2013-01-01-01:00"),
        (Monthly(start=date(2013, 1, 1)), datetime(2013, 3, 1, tzinfo=UTC), "2013-02-01"),
        # the days on which New York's clock moves have 23 and 25 hours
        (Daily(zone="America/New_York"), datetime(2013, 3, 11, 4, 15, tzinfo=UTC), "2013-03-10"),
        (Daily(zone="America/New_York"), datetime(2013, 11, 4, 5, tzinfo=UTC), "2013-11-03"),
        (Daily(zone="America/New_York"), datetime(2013, 11, 4, 4, tzinfo=UTC), "2013-11-02"),
    ],
)  # fmt: skip
def test_the_newest_partition_that_is_over(
    cadence: Cadence, now: datetime, key: str | None
) -> None:
    """Before the first one ends there is none."""
    assert newest_finished(cadence, now) == key
