"""The two ways through a replay: a stretch of 2013, or today as it happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import psycopg

from demo.calendar import days_between, local_day, source_day, start_of
from demo.pace import Pace
from demo.replay import Replay, Told

Announced = Callable[[int], object]

UNSETTLED = """
select
    coalesce(min(flight_date) filter (where not settled), max(flight_date) + 1)
from demo.clock where flight_date <> source_date
"""


def replay_stretch(
    replay: Replay,
    days: list[date],
    pace_from: Callable[[datetime], Pace],
    *,
    announce: Announced,
    tell: Told,
) -> bool:
    """Live through days of 2013 as they were; return whether everything has happened.

    `pace_from` makes the pace once the instant of the first change is known.
    """
    announce(replay.stage({day: day for day in days}))
    first = replay.next_at()
    if first is None:
        return True
    pace = pace_from(first)
    while True:
        over = pace.over()
        replay.catch_up(pace.now(), stopped=pace.stopped, tell=tell)
        due = replay.next_at()
        if due is None or over:
            return due is None
        pace.wait_until(due)


def follow_today(
    connection: psycopg.Connection,
    replay: Replay,
    pace: Pace,
    *,
    announce: Announced,
    tell: Told,
    since: date | None = None,
) -> None:
    """Let the flights of today's world happen until the pace is over.

    The first time it begins with the flights of `since`, or else of today, and later with whatever
    was left unfinished.
    """
    staged: date | None = None
    since = since or local_day(pace.start)
    while True:
        over, now = pace.over(), pace.now()
        if local_day(now) != staged:
            staged = local_day(now)
            first = min(_first_unsettled(connection) or since, staged)
            days = days_between(first, staged + timedelta(days=1))
            announce(replay.stage({day: source_day(day) for day in days}))
        replay.catch_up(now, stopped=pace.stopped, tell=tell)
        if over:
            return
        tomorrow = start_of(staged + timedelta(days=1))
        pace.wait_until(min(replay.next_at() or tomorrow, tomorrow))


def _first_unsettled(connection: psycopg.Connection) -> date | None:
    row = connection.execute(UNSETTLED).fetchone()
    found: date | None = row[0] if row else None
    return found
