"""Tests of the changes that make up the life of a flight."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from demo.calendar import FIRST_DAY, LAST_DAY, days_between
from demo.life import CHANGES, lives, write_changes


def themselves(first: date, last: date) -> dict[date, date]:
    """Map days of 2013 to themselves."""
    return {day: day for day in days_between(first, last)}


def digest(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_year_of_lives_holds_together() -> None:
    with lives(themselves(FIRST_DAY, LAST_DAY), seed=7) as connection:
        facts = connection.execute("""
            select
                count(*), count(distinct flight_id),
                count(*) filter (cancelled), count(*) filter (diverted),
                -- the source tells the UTC hour of departure too: both clock changes included
                count(*) filter (date_trunc('hour', due_at) <> time_hour),
                count(*) filter (filed_at >= least(cancelled_at, departed_at)),
                count(*) filter (ended_at <= departed_at or corrected_at <= ended_at)
            from life
        """).fetchone()
        assert facts == (336_776, 336_776, 8_255, 1_175, 0, 0, 0)
        misreported = connection.execute("""
            select
                round(100 * count(wrong_by) / count(arr_delay), 1),
                min(abs(wrong_by)), max(abs(wrong_by)),
                min(corrected_at - ended_at) >= interval 1 day,
                max(corrected_at - ended_at) <= interval 5 days
            from life
        """).fetchone()
        assert misreported == (1.0, 1, 15, True, True)


def test_flight_id_names_carrier_number_leg_day() -> None:
    with lives({date(2013, 1, 1): date(2013, 1, 1)}, seed=7) as connection:
        row = connection.execute(
            "select flight_id, scheduled_departure::varchar, due_at::varchar from life"
            " where carrier = 'UA' and flight = 1545"
        ).fetchone()
    assert row == (
        "UA1545-EWR-IAH-2013-01-01",
        "2013-01-01 05:15:00",
        "2013-01-01 10:15:00+00",
    )


def test_changes_of_a_flight_come_in_order() -> None:
    with lives(themselves(date(2013, 3, 9), date(2013, 3, 11)), seed=7) as connection:
        connection.execute(f"create table change as {CHANGES}")
        kinds = connection.execute("""
            select string_agg(status, ' ' order by happens_at) as life, count(*) from (
                select * from change order by happens_at
            ) group by flight_id
        """).fetchall()
        steps = connection.execute("""
            select count(*) from (
                select step <= lag(step) over (partition by flight_id order by happens_at) as back
                from change
            ) where back
        """).fetchone()
    assert {life for life, _ in kinds} == {
        "scheduled cancelled",
        "scheduled departed arrived",
        "scheduled departed arrived arrived",
        "scheduled departed diverted",
    }
    assert steps == (0,)


def test_same_seed_gives_the_same_changes(tmp_path: Path) -> None:
    days = {date(2026, 11, 24): date(2013, 11, 26)}
    digests = []
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        write_changes(days, seed, tmp_path / name)
        digests.append(digest(tmp_path / name))
    assert digests[0] == digests[1] != digests[2]


def test_shifted_day_keeps_local_times_in_todays_zone(tmp_path: Path) -> None:
    days = {date(2026, 7, 1): date(2013, 1, 2)}
    with lives(days, seed=7) as connection:
        row = connection.execute(
            "select min(scheduled_departure)::varchar, min(due_at)::varchar,"
            " bool_and(flight_id like '%-2026-07-01') from life"
        ).fetchone()
    assert row == ("2026-07-01 05:00:00", "2026-07-01 09:00:00+00", True)


def test_changes_of_a_day_do_not_depend_on_the_days_beside_it() -> None:
    alone, beside = date(2013, 5, 4), themselves(date(2013, 5, 3), date(2013, 5, 5))
    found = []
    for days in ({alone: alone}, beside):
        with lives(days, seed=7) as connection:
            connection.execute(f"create table change as {CHANGES}")
            found.append(
                connection.execute("from change where flight_date = ?", [alone]).fetchall()
            )
    assert len(found[0]) > 1500
    assert found[0] == found[1]
