"""The hourly weather of New York's airports, as it becomes known over time.

An observation is published minutes after its hour, but one in twenty-five is hours later; one in
fifty is wrong at first and corrected within hours. Days of the archive are published whole and at
once. What is late and what is wrong is drawn from a hash of the seed and the observation. From a
day of July 2013 on the service tells one thing more, unasked: how it feels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from demo.calendar import days_between, local_day, source_day
from demo.flights import read_csv, source_file
from watermain import durable

WEATHER: Mapping[str, str] = {
    "origin": "varchar",
    "year": "integer",
    "month": "integer",
    "day": "integer",
    "hour": "integer",
    "temp": "double",
    "dewp": "double",
    "humid": "double",
    "wind_dir": "integer",
    "wind_speed": "double",
    "wind_gust": "double",
    "precip": "double",
    "pressure": "double",
    "visib": "double",
    "time_hour": "timestamptz",
}
LATEST = timedelta(days=1)  # no observation is published or corrected later than this
FEELS_SINCE = date(2013, 7, 15)  # of the source's calendar, when the new column begins
BACKDATED = timedelta(minutes=10)  # an archive was ready before anybody is told of it
COLD_F, BREEZE_MPH = 50.0, 3.0  # the formula holds up to the one and from the other on

PUBLISHED = """
with hours as (
    select
        calendar.*,
        unnest(generate_series(
            timezone('America/New_York', calendar_day::timestamp),
            timezone('America/New_York', calendar_day + interval 1 day) - interval 1 hour,
            interval 1 hour
        )) as observed_at
    from calendar
),
clocks as (
    select
        *,
        timezone('America/New_York', observed_at) - calendar_day::timestamp as time_of_day,
        row_number() over same_time as time_number
    from hours
    window same_time as (partition by calendar_day, time_of_day order by observed_at)
),
sources as (
    select
        *,
        timezone('America/New_York', time_hour) as there,
        row_number() over (same_time order by time_hour) as time_number,
        count(*) over same_time as times
    from source_weather
    window same_time as (partition by origin, there)
),
observations as (
    select clocks.*, sources.*, concat(origin, '|', epoch(observed_at)) as id
    from clocks
    join sources
        on sources.there = clocks.source_day + clocks.time_of_day
        and sources.time_number = least(clocks.time_number, sources.times)
),
versions as (
    select
        * replace (case
            when archived_at is null and draw(id, 'wrong', 50) = 0 then temp + 10 else temp
        end as temp),
        coalesce(archived_at, observed_at + to_seconds(
            180 + draw(id, 'published', 540)
            + case when draw(id, 'late', 25) = 0 then 3600 + draw(id, 'hours', 18000) else 0 end
        )) as published_at
    from observations
    union all by name
    select *, observed_at + to_seconds(21600 + draw(id, 'corrected', 7200)) as published_at
    from observations where archived_at is null and draw(id, 'wrong', 50) = 0
)
select to_json({
    airport: origin, observed_at: strftime(observed_at, '%Y-%m-%dT%H:%M:%SZ'),
    temperature_f: temp, dew_point_f: dewp, humidity_percent: humid,
    wind_direction_degrees: wind_dir, wind_speed_mph: wind_speed, wind_gust_mph: wind_gust,
    precipitation_inches: precip, pressure_hpa: pressure, visibility_miles: visib,
    published_at: strftime(published_at, '%Y-%m-%dT%H:%M:%SZ')
})::varchar, source_day >= $feels_since
from versions where published_at >= $since and published_at < $until
order by published_at, origin, observed_at
"""

Days = Mapping[date, datetime | None]


class Observatory:
    """Tell what was published when; the same seed gives the same answer."""

    def __init__(self, seed: int) -> None:
        self._connection, self._alone = duckdb.connect(), Lock()
        self._connection.execute("set timezone = 'UTC'")
        self._connection.execute(
            "create macro draw(id, purpose, sides) as"
            f" (md5_number_lower(concat({int(seed)}, '|', purpose, '|', id)) % sides)::integer"
        )
        read_csv(self._connection, "source_weather", source_file("weather.csv"), WEATHER)

    def published(self, days: Days, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Give what was published in `since <= t < until`, in the order of t.

        `days` maps each day of an archive to the instant it was published, or a live one to None.
        """
        rows = [(day, source_day(day), at) for day, at in days.items()]
        if not rows:
            return []
        with self._alone:
            self._connection.execute(
                "create or replace temp table calendar"
                " (calendar_day date, source_day date, archived_at timestamptz)"
            )
            self._connection.executemany("insert into calendar values (?, ?, ?)", rows)
            asked = {"since": since, "until": until, "feels_since": FEELS_SINCE}
            found = self._connection.execute(PUBLISHED, asked)
            return [_grown(json.loads(text), told) for text, told in found.fetchall()]


class Shelf:
    """Keep, in a file, which days the service has: archived ones, and all since it went live."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def archive(self, days: Sequence[date], now: datetime) -> int:
        """Put days of 2013 onto the shelf unless they are there; give how many are new."""
        held = self._held()
        fresh = [day for day in days if day.isoformat() not in held["archive"]]
        if fresh:
            at = (now - BACKDATED).isoformat()
            self._write({**held, "archive": {**held["archive"], **{f"{d}": at for d in fresh}}})
        return len(fresh)

    def go_live(self, first: date, now: datetime) -> int:
        """Observe today's world from a day on; give how many days are new up to now."""
        held, today = self._held(), local_day(now)
        known = date.fromisoformat(held["live_since"]) if held["live_since"] else None
        if known is not None and known <= first:
            return 0
        self._write({**held, "live_since": first.isoformat()})
        return len(days_between(first, today)) - (len(days_between(known, today)) if known else 0)

    def days(self, since: datetime, until: datetime) -> Days:
        """Give every day of which something may be published in `since <= t < until`."""
        held = self._held()
        archive = {date.fromisoformat(day): _instant(at) for day, at in held["archive"].items()}
        found: dict[date, datetime | None] = {
            day: at for day, at in archive.items() if since <= at < until
        }
        if held["live_since"]:
            first = max(date.fromisoformat(held["live_since"]), local_day(since - LATEST))
            found |= dict.fromkeys(days_between(first, local_day(until)))
        return found

    def _held(self) -> dict[str, Any]:
        empty: dict[str, Any] = {"live_since": None, "archive": {}}
        return {**empty, **json.loads(self.path.read_text())} if self.path.exists() else empty

    def _write(self, held: Mapping[str, Any]) -> None:
        durable.replace(self.path, json.dumps(held, indent=1))


def _grown(record: dict[str, Any], told: bool) -> dict[str, Any]:
    """The record with the wind chill of the National Weather Service, where it is told."""
    if not told:
        return record
    heat, wind = record["temperature_f"], record["wind_speed_mph"]
    if heat is None or wind is None or heat > COLD_F or wind < BREEZE_MPH:
        return {**record, "feels_like_f": heat}
    power = wind**0.16
    chill = 35.74 + 0.6215 * heat - 35.75 * power + 0.4275 * heat * power
    return {**record, "feels_like_f": round(chill, 2)}


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
