"""Delays as features, beside pandas over the file; aircraft that were elsewhere."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from demo.flights import source_file
from platform_assets.operations.curated import FASTEST_MPH, impossible_movements
from platform_assets.prediction import curated, features
from watermain.testing import TypedRows, failing, run

NOON = datetime(2013, 1, 9, 17, tzinfo=UTC)
AIRPORTS = [
    {"faa": "JFK", "latitude": 40.639751, "longitude": -73.778925},
    {"faa": "LGA", "latitude": 40.777245, "longitude": -73.872608},
    {"faa": "LAX", "latitude": 33.942536, "longitude": -118.408075},
]
NAMES = {"airport": "origin"}


def departed() -> pd.DataFrame:
    """The departures of ten days, straight from the CSV file, heard a while later."""
    with zipfile.ZipFile(source_file("flights.csv.zip")) as archive:
        frame = pd.read_csv(archive.open("flights.csv"))
    frame = frame[(frame["month"] == 1) & (frame["day"] <= 10) & frame["dep_time"].notna()]
    scheduled = pd.to_datetime(frame[["year", "month", "day", "hour", "minute"]])
    at = (scheduled + pd.to_timedelta(frame["dep_delay"], unit="m")).dt.tz_localize("UTC")
    heard = np.random.default_rng(2013).integers(1, 3000, len(frame))
    return pd.DataFrame(
        {
            "origin": frame["origin"],
            "destination": frame["dest"],
            "carrier": frame["carrier"],
            "tail_number": frame["tailnum"],
            "departed_at": at,
            "delay_minutes": frame["dep_delay"],
            "known_at": at + pd.to_timedelta(heard, unit="s"),
            "superseded_at": pd.Series(pd.NaT, at.index, dtype=at.dtype),
        }
    ).reset_index(drop=True)


DEPARTED = departed()


@pytest.mark.parametrize(
    ("table", "by", "hours"),
    [
        (features.airport_delay, ["airport"], 3),
        (features.carrier_delay, ["carrier"], 6),
        (features.aircraft_delay, ["tail_number"], 24),
        (features.route_delay, ["origin", "destination"], 168),
    ],
)
def test_rolling_delays_equal_pandas(table: Any, by: list[str], hours: int) -> None:
    """Mean, share, count over the hours up to each departure, ties counted together."""
    found = table(ibis.memtable(DEPARTED)).to_pandas()
    names = [NAMES.get(b, b) for b in by]
    facts = DEPARTED.dropna(subset=names)
    assert not found.duplicated([*by, "departed_at", "known_at"]).any()
    events = facts.drop_duplicates([*names, "departed_at"])
    assert len(found.drop_duplicates([*by, "departed_at"])) == len(events) <= len(found)
    for row in found.sample(150, random_state=7).to_dict("records"):
        of = facts[(facts[names].to_numpy() == [row[b] for b in by]).all(axis=1)]
        end = row["departed_at"]
        window = of[
            (of["departed_at"] <= end)
            & (of["departed_at"] >= end - pd.Timedelta(hours=hours))
            & (of["known_at"] <= row["known_at"])
        ]
        assert row["departures"] == len(window)
        assert row["mean_delay_minutes"] == pytest.approx(window["delay_minutes"].mean())
        assert row["late_share"] == pytest.approx((window["delay_minutes"] > 15).mean())
        assert row["known_at"] >= of[of["departed_at"] == end]["known_at"].min()


def test_departure_heard_late_makes_a_telling_more() -> None:
    """Until then the later departure's row tells of itself alone."""
    late, soon = NOON + timedelta(hours=2), NOON + timedelta(hours=1, seconds=9)
    facts = [(NOON, 10.0, late), (NOON + timedelta(hours=1), 20.0, soon)]
    names = ("departed_at", "delay_minutes", "known_at")
    departures = [{"origin": "JFK", **dict(zip(names, fact, strict=True))} for fact in facts]
    found = run(features.airport_delay, departures=departures)
    assert [(row["known_at"], row["mean_delay_minutes"]) for row in found] == [
        (late, 10.0),
        (soon, 20.0),
        (late, 15.0),
    ]
    assert failing(features.airport_delay, found) == {}


def minutes(number: float | None) -> datetime | None:
    """So many minutes after noon."""
    return None if number is None else NOON + timedelta(minutes=number)


def test_departure_is_held_against_each_telling_of_the_timetable() -> None:
    """It is known when movement and timetable are; a telling that was over by then is none."""
    movements = [
        {
            "flight_id": flight,
            "kind": kind,
            "carrier": "UA",
            "tail_number": "N1",
            "happened_at": minutes(after),
            "heard_at": NOON + timedelta(seconds=heard),
        }
        for flight, kind, after, heard in (
            ("a", "gate_out", 0, 5),
            ("a", "take_off", 9, 600),
            ("b", "gate_out", 0, 7),
            ("c", "gate_out", 0, 8),
        )
    ]
    timetable = [
        {
            "flight_id": flight,
            "origin": "JFK",
            "destination": "LAX",
            "scheduled_departure_at": minutes(scheduled),
            "known_at": minutes(known),
            "superseded_at": minutes(ended),
        }
        for flight, scheduled, known, ended in (
            ("a", -12, -600, -60),  # over before the movement was heard
            ("a", -20, -60, 30),
            ("a", -5, 30, None),
            ("c", 0, 45, None),  # the timetable came after the movement
        )
    ]
    rows = run(curated.departures, movements=movements, timetable=timetable)
    assert [(r["flight_id"], r["delay_minutes"], r["known_at"]) for r in rows] == [
        ("a", 20.0, NOON + timedelta(seconds=5)),
        ("a", 5.0, minutes(30)),
        ("c", 0.0, minutes(45)),
    ]
    assert [row["superseded_at"] is None for row in rows] == [False, True, True]


def test_congestion_counts_take_offs_of_an_hour() -> None:
    """Only take-offs, an hour back, both ends counted."""
    moves = [("take_off", *move) for move in ((0, 10), (30, 20), (60, 30), (61, 40))]
    facts = [
        {
            "kind": kind,
            "airport": "EWR",
            "happened_at": NOON + timedelta(minutes=minute),
            "phase_minutes": taxied,
            "heard_at": NOON + timedelta(minutes=minute, seconds=1),
        }
        for kind, minute, taxied in (*moves, ("gate_out", 0, 99))
    ]
    found = run(features.congestion, movements=facts)
    assert [row["take_offs"] for row in found] == [1, 2, 3, 3]
    assert [row["mean_taxi_minutes"] for row in found] == [10.0, 15.0, 20.0, 30.0]


def seen(*moves: tuple[str, str | None, float]) -> TypedRows:
    """What is impossible among an aircraft's movements: kind, airport, hours after noon."""
    movements = [
        {
            "flight_id": f"f{n}",
            "kind": kind,
            "tail_number": "N1",
            "airport": airport,
            "happened_at": NOON + timedelta(hours=hours),
        }
        for n, (kind, airport, hours) in enumerate(moves)
    ]
    return run(impossible_movements, movements=movements, airports=AIRPORTS)


@pytest.mark.parametrize(
    ("moves", "count"),
    [
        ((("gate_out", "JFK", 0), ("landing", "LAX", 5)), 0),
        ((("gate_out", "JFK", 0), ("landing", "LAX", 3)), 1),
        ((("gate_out", "JFK", 0), ("take_off", "JFK", 0)), 0),
        ((("gate_out", "JFK", 0), ("gate_out", "LGA", 0)), 0),
        ((("gate_out", "JFK", 0), ("landing", None, 1), ("gate_in", "LAX", 1)), 1),
        ((("gate_in", "LAX", 0), ("gate_out", "LGA", 2), ("gate_in", "LAX", 9)), 1),
    ],
)
def test_aircraft_cannot_be_where_it_could_not_fly_to(
    moves: tuple[tuple[str, str | None, float], ...], count: int
) -> None:
    """Faster than any airliner over ground; a place that is not told counts as nowhere."""
    assert len(seen(*moves)) == count


def test_impossible_movement_says_how_far_how_fast() -> None:
    """JFK to Los Angeles is 2,475 miles along the great circle, as the flights file has it."""
    row = seen(("gate_out", "JFK", 0), ("landing", "LAX", 2))[0]
    assert row["miles_between"] == pytest.approx(2475, rel=0.003)
    assert row["implied_mph"] == pytest.approx(row["miles_between"] / 2)
    assert row["implied_mph"] > FASTEST_MPH
    assert (row["seen_at_airport"], row["airport"]) == ("JFK", "LAX")
