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

NOON = datetime(2013, 1, 9, 17, tzinfo=UTC)
AIRPORTS = pd.DataFrame(
    {
        "faa": ["JFK", "LGA", "LAX"],
        "latitude": [40.639751, 40.777245, 33.942536],
        "longitude": [-73.778925, -73.872608, -118.408075],
    }
)
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
    facts = pd.DataFrame(
        {
            "origin": "JFK",
            "departed_at": [NOON, NOON + timedelta(hours=1)],
            "delay_minutes": [10.0, 20.0],
            "known_at": [NOON + timedelta(hours=2), NOON + timedelta(hours=1, seconds=9)],
            "superseded_at": pd.Series([pd.NaT] * 2, dtype="datetime64[ns, UTC]"),
        }
    )
    found = features.airport_delay(ibis.memtable(facts)).order_by("departed_at", "known_at")
    assert list(
        zip(
            *found.to_pandas()[["known_at", "mean_delay_minutes"]].to_dict("list").values(),
            strict=True,
        )
    ) == [
        (pd.Timestamp(NOON + timedelta(hours=2)), 10.0),
        (pd.Timestamp(NOON + timedelta(hours=1, seconds=9)), 20.0),
        (pd.Timestamp(NOON + timedelta(hours=2)), 15.0),
    ]


def test_departure_is_held_against_each_telling_of_the_timetable() -> None:
    """It is known when movement and timetable are; a telling that was over by then is none."""
    movements = pd.DataFrame(
        {
            "flight_id": ["a", "a", "b", "c"],
            "kind": ["gate_out", "take_off", "gate_out", "gate_out"],
            "carrier": "UA",
            "tail_number": "N1",
            "happened_at": [NOON, NOON + timedelta(minutes=9), NOON, NOON],
            "heard_at": [NOON + timedelta(seconds=n) for n in (5, 600, 7, 8)],
        }
    )
    timetable = pd.DataFrame(
        [
            ("a", -12, -600, -60),  # over before the movement was heard
            ("a", -20, -60, 30),
            ("a", -5, 30, None),
            ("c", 0, 45, None),  # the timetable came after the movement
        ],
        columns=["flight_id", "scheduled", "known", "ended"],
    )
    minutes = {n: pd.to_timedelta(timetable[n], unit="m") + NOON for n in ("scheduled", "known")}
    timetable = pd.DataFrame(
        {
            "flight_id": timetable["flight_id"],
            "origin": "JFK",
            "destination": "LAX",
            "scheduled_departure_at": minutes["scheduled"],
            "known_at": minutes["known"],
            "superseded_at": pd.to_timedelta(timetable["ended"], unit="m") + NOON,
        }
    )
    found = curated.departures(ibis.memtable(movements), ibis.memtable(timetable))
    rows = found.order_by("flight_id", "known_at").to_pandas()
    assert set(rows.columns) == set(curated.departures.contract.schema.names)
    assert rows[["flight_id", "delay_minutes", "known_at"]].to_numpy().tolist() == [
        ["a", 20.0, pd.Timestamp(NOON + timedelta(seconds=5))],
        ["a", 5.0, pd.Timestamp(NOON + timedelta(minutes=30))],
        ["c", 0.0, pd.Timestamp(NOON + timedelta(minutes=45))],
    ]
    assert list(rows["superseded_at"].isna()) == [False, True, True]


def test_congestion_counts_take_offs_of_an_hour() -> None:
    """Only take-offs, an hour back, both ends counted."""
    minutes = [0, 30, 60, 61]
    facts = pd.DataFrame(
        {
            "kind": ["take_off"] * 4,
            "airport": "EWR",
            "happened_at": [NOON + timedelta(minutes=m) for m in minutes],
            "phase_minutes": [10, 20, 30, 40],
            "heard_at": [NOON + timedelta(minutes=m, seconds=1) for m in minutes],
        }
    )
    facts.loc[4] = ["gate_out", "EWR", NOON, 99, NOON]
    found = features.congestion(ibis.memtable(facts)).order_by("took_off_at").to_pandas()
    assert list(found["take_offs"]) == [1, 2, 3, 3]
    assert list(found["mean_taxi_minutes"]) == [10.0, 15.0, 20.0, 30.0]


def seen(*moves: tuple[str, str | None, float]) -> pd.DataFrame:
    """What is impossible among an aircraft's movements: kind, airport, hours after noon."""
    rows = [
        {
            "flight_id": f"f{n}",
            "kind": kind,
            "tail_number": "N1",
            "airport": airport,
            "happened_at": NOON + timedelta(hours=hours),
        }
        for n, (kind, airport, hours) in enumerate(moves)
    ]
    movements, airports = ibis.memtable(pd.DataFrame(rows)), ibis.memtable(AIRPORTS)
    return impossible_movements(movements, airports).to_pandas()


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
    row = seen(("gate_out", "JFK", 0), ("landing", "LAX", 2)).iloc[0]
    assert row["miles_between"] == pytest.approx(2475, rel=0.003)
    assert row["implied_mph"] == pytest.approx(row["miles_between"] / 2)
    assert row["implied_mph"] > FASTEST_MPH
    assert (row["seen_at_airport"], row["airport"]) == ("JFK", "LAX")
