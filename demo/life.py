"""The life of a flight, as the changes that an operations database would have seen.

A flight is filed the afternoon before, departs and arrives; or it is cancelled or diverted.
One arrival in a hundred is first reported wrong by some minutes and corrected one to five days
later. What the real data do not tell (when a cancellation became known, which report was wrong) is
drawn from a hash of the seed and the flight's id: the same seed gives the same changes on every
machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from demo.flights import read_flights

LIVES = """
create table life as
with flights as (
    select
        day.flight_date,
        day.source_date as recorded_on,
        concat(carrier, flight, '-', origin, '-', dest, '-', day.flight_date) as flight_id,
        source_flights.* exclude (year, month, day),
        day.flight_date + to_minutes(hour * 60 + minute) as scheduled_departure
    from source_flights
    join day on day.source_date = make_date(year, month, source_flights.day)
),
departures as (
    select
        *,
        timezone('America/New_York', flight_date - interval 8 hours)
            + to_seconds(draw(flight_id, 'filed', 3600)) as filed_at,
        timezone('America/New_York', scheduled_departure) as due_at,
        due_at - to_minutes(15 + draw(flight_id, 'cancelled', 345)) as cancelled_at,
        due_at + to_minutes(dep_delay) as departed_at,
        dep_time is null as cancelled,
        dep_time is not null and arr_delay is null as diverted
    from flights
),
arrivals as (
    select
        *,
        departed_at + to_minutes(
            coalesce(air_time, 120 + draw(flight_id, 'diverted', 240))
            + 15 + draw(flight_id, 'taxi', 25)
        ) as ended_at,
        case when arr_delay is not null and draw(flight_id, 'misreported', 100) = 0
            then (1 + draw(flight_id, 'minutes', 15)) * (2 * draw(flight_id, 'sign', 2) - 1)
        end as wrong_by
    from departures
)
select
    *,
    case when wrong_by is not null
        then ended_at + to_minutes(1440 + draw(flight_id, 'corrected', 4 * 1440))
    end as corrected_at
from arrivals
"""

# The statements of one life happen in the order of `step`, and each at most once.
CHANGES = """
with changes as (
    select
        filed_at as happens_at, 0 as step, 'scheduled' as status, flight_date, flight_id,
        carrier, flight, tailnum, origin, dest, scheduled_departure, sched_arr_time, distance,
        recorded_on
    from life
    union all by name
    select cancelled_at as happens_at, 1 as step, 'cancelled' as status, flight_date, flight_id
    from life where cancelled
    union all by name
    select
        departed_at as happens_at, 1 as step, 'departed' as status, flight_date, flight_id,
        dep_delay
    from life where not cancelled
    union all by name
    select ended_at as happens_at, 2 as step, 'diverted' as status, flight_date, flight_id
    from life where diverted
    union all by name
    select
        ended_at as happens_at, 2 as step, 'arrived' as status, flight_date, flight_id,
        arr_delay + coalesce(wrong_by, 0) as arr_delay, air_time
    from life where not cancelled and not diverted
    union all by name
    select
        corrected_at as happens_at, 3 as step, 'arrived' as status, flight_date, flight_id,
        arr_delay
    from life where corrected_at is not null
)
select
    happens_at, step, flight_date, flight_id, carrier, flight, tailnum, origin, dest,
    scheduled_departure, sched_arr_time, dep_delay, arr_delay, air_time, distance, status,
    recorded_on
from changes
order by happens_at, flight_id
"""

OUTCOMES = """
select
    flight_id, carrier, flight, tailnum, origin, dest, scheduled_departure, sched_arr_time,
    dep_delay, arr_delay, air_time, distance,
    case when cancelled then 'cancelled' when diverted then 'diverted' else 'arrived' end,
    recorded_on,
    case when cancelled then cancelled_at else coalesce(corrected_at, ended_at) end
from life
order by scheduled_departure, flight_id
"""


@contextmanager
def lives(days: Mapping[date, date], seed: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the lives of all flights of some days as the DuckDB table `life`.

    `days` maps each calendar day that flights shall have to the day of 2013 they come from.
    """
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            "create macro draw(id, purpose, sides) as"
            f" (md5_number_lower(concat({int(seed)}, '|', purpose, '|', id)) % sides)::integer"
        )
        connection.execute("create table day (flight_date date, source_date date)")
        connection.executemany("insert into day values (?, ?)", list(days.items()))
        read_flights(
            connection, where="make_date(year, month, day) in (from (select source_date from day))"
        )
        connection.execute(LIVES)
        yield connection


def write_changes(days: Mapping[date, date], seed: int, path: Path) -> None:
    """Write every change of these days' flights in the order they happen, as CSV."""
    _write(CHANGES, days, seed, path)


def write_outcomes(days: Mapping[date, date], seed: int, path: Path) -> None:
    """Write these days' flights as CSV, as they stand after their last change."""
    _write(OUTCOMES, days, seed, path)


def _write(query: str, days: Mapping[date, date], seed: int, path: Path) -> None:
    with lives(days, seed) as connection:
        connection.execute(
            f"copy ({query}) to $path (format csv, header false, nullstr '\\N')",
            {"path": str(path)},
        )
