"""Tests of following today, of the pace at which time passes."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from demo.began import Began, began
from demo.live import follow_today, replay_stretch
from demo.pace import AT_ONCE, Pace
from demo.replay import Replay
from tests.demo.test_replay import NEW_YORK, run, table

TODAY = date(2026, 11, 1)  # an hour longer than others


def follow(
    connection: psycopg.Connection, start: datetime, until: datetime, since: date | None = None
) -> int:
    """Follow the world from one instant to another at once; return the number of changes."""
    told: list[int] = []
    follow_today(
        connection,
        Replay(connection, seed=7),
        Pace(start, until, AT_ONCE),
        announce=lambda _: None,
        tell=lambda changes, _: told.append(changes),
        since=since,
    )
    connection.execute("drop table staged")
    return sum(told)


def at(hour: int, day: date = TODAY) -> datetime:
    """Return an instant of a New York day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=NEW_YORK)


def test_today_is_caught_up_then_continued_without_doubling(
    connection: psycopg.Connection,
) -> None:
    follow(connection, at(10), at(10))
    assert {day for (day,) in table(connection, "scheduled_departure::date")} == {TODAY}
    statuses = {status for (status,) in table(connection, "status")}
    assert statuses >= {"scheduled", "departed", "arrived"}
    [(latest,)] = connection.execute("select max(updated_at) from public.flights").fetchall()
    assert latest <= at(10)
    assert follow(connection, at(10), at(10)) == 0
    follow(connection, at(18), at(18))
    evening = table(connection, "scheduled_departure::date")
    assert {day for (day,) in evening} == {TODAY, TODAY + timedelta(days=1)}


def test_days_since_one_are_made_up_for_at_first(connection: psycopg.Connection) -> None:
    since = TODAY - timedelta(days=2)
    follow(connection, at(10), at(10), since)
    days = {day for (day,) in table(connection, "scheduled_departure::date")}
    assert days == {since, TODAY - timedelta(days=1), TODAY}
    assert follow(connection, at(10), at(10)) == 0
    assert began(connection) == Began(since=since)


def test_pause_of_days_is_made_up_for(connection: psycopg.Connection) -> None:
    follow(connection, at(10), at(10))
    later = TODAY + timedelta(days=3)
    follow(connection, at(6, later), at(6, later))
    in_pieces = table(connection)
    connection.execute("truncate public.flights, demo.clock")
    follow(connection, at(10), at(6, later))
    assert table(connection) == in_pieces
    assert connection.execute("select count(*) from demo.clock").fetchall() == [(5,)]


def test_flights_of_2013_are_none_of_its_business(connection: psycopg.Connection) -> None:
    day = {date(2013, 1, 1): date(2013, 1, 1)}
    run(connection, day, datetime(2013, 1, 1, 15, tzinfo=UTC))
    untouched = table(connection)
    follow(connection, at(5), at(5))
    assert [row for row in table(connection) if "-2013-01-01" in str(row[0])] == untouched


def test_stretch_waits_for_each_change_until_the_end_of_its_pace(
    connection: psycopg.Connection,
) -> None:
    first_hours = datetime(2013, 1, 1, 4, tzinfo=UTC)
    announced: list[int] = []
    moments: list[datetime] = []
    complete = replay_stretch(
        Replay(connection, seed=7),
        [date(2013, 1, 1)],
        lambda first: Pace(first, first_hours, 50_000.0),
        announce=announced.append,
        tell=lambda _, moment: moments.append(moment),
    )
    assert complete is False
    assert announced == [2529]
    assert moments == sorted(moments)
    assert len(moments) > 2
    assert max(moments) <= first_hours


def test_pace_runs_at_its_speed_until_its_end() -> None:
    present = [datetime(2026, 11, 24, 12, tzinfo=UTC)]
    start = datetime(2013, 1, 1, tzinfo=UTC)
    pace = Pace(start, start + timedelta(hours=2), 60.0, clock=lambda: present[0])
    assert (pace.now(), pace.over()) == (start, False)
    present[0] += timedelta(minutes=1)
    assert (pace.now(), pace.over()) == (start + timedelta(hours=1), False)
    present[0] += timedelta(days=1)
    assert (pace.now(), pace.over()) == (start + timedelta(hours=2), True)


@pytest.mark.timeout(10)
def test_pace_wakes_up_when_asked_to_stop() -> None:
    start, stop = datetime(2026, 11, 24, tzinfo=UTC), threading.Event()
    pace = Pace(start, start + timedelta(days=1), stop=stop, clock=lambda: start)
    threading.Timer(0.05, stop.set).start()
    pace.wait_until(start + timedelta(hours=1))
    assert pace.over()
