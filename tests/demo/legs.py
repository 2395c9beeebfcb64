"""Flight legs as 2013 had them, beside those of days that replay it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import duckdb

from demo.calendar import NEW_YORK, source_day
from demo.flights import read_flights

Leg = tuple[str, int, str, str, int]  # carrier, number, origin, destination, minute of the day
LEGS = """select carrier, flight_number, origin, destination, scheduled_departure_at,
  recorded_on from operations.curated.flights"""


def recorded_legs() -> dict[date, Counter[Leg]]:
    """The legs of each day of 2013, as the real data have them."""
    with duckdb.connect() as connection:
        read_flights(connection)
        rows = connection.execute(
            "select make_date(year, month, day), carrier, flight, origin, dest,"
            " hour * 60 + minute from source_flights"
        ).fetchall()
    found: dict[date, Counter[Leg]] = {}
    for day, *leg in rows:
        found.setdefault(day, Counter())[tuple(leg)] += 1  # type: ignore[index]
    return found


def moved_legs(rows: Iterable[Mapping[str, Any]]) -> dict[date, Counter[Leg]]:
    """The published legs of each day of New York, each with the minute on New York's clocks.

    Guarantees: each names the day of 2013 that its own day replays, which has its weekday.
    """
    found: dict[date, Counter[Leg]] = {}
    for row in rows:
        at, on = (row[n] for n in ("scheduled_departure_at", "recorded_on"))
        local = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(NEW_YORK)
        on = date.fromisoformat(on) if isinstance(on, str) else on
        assert (on, on.weekday()) == (source_day(local.date()), local.weekday())
        leg = row["carrier"], row["flight_number"], row["origin"], row["destination"]
        minute = local.hour * 60 + local.minute
        found.setdefault(local.date(), Counter())[(*leg, minute)] += 1
    return found
