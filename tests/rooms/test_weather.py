"""Weather from the service, from the field stations, to conditions, beside pandas over the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from demo.calendar import days_between
from demo.flights import source_file
from demo.weather import Shelf
from demo.weather_service import WeatherService, ensure_token
from platform_assets.weather import curated, raw
from tests.lakes import LakeTemplate
from tests.watermain.source.web_server import served
from watermain.declare import Dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.testing import run

LOADED_AT = datetime(2013, 2, 1, 12, tzinfo=UTC)
HOUR = datetime(2013, 1, 9, 15, tzinfo=UTC)
KNOWN = {d.name: d for s in (raw, curated) for d in vars(s).values() if isinstance(d, Dataset)}


@pytest.fixture(scope="module")
def lake(empty_lake: LakeTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """January captured from the service, published; no station has ever spoken."""
    home: Path = tmp_path_factory.mktemp("weather")
    shelf = Shelf(home / "demo" / "weather.json")
    shelf.archive(days_between(date(2013, 1, 1), date(2013, 1, 31)), LOADED_AT)
    app = WeatherService(shelf, ensure_token(home / "secrets" / "weather"), 7).app
    with (
        empty_lake.world(home, "weather_lake") as found,
        pytest.MonkeyPatch.context() as patch,
        served(app) as address,
    ):
        patch.setenv("WATERMAIN_SOURCE_WEATHER", address)
        job = Job(lake=found, find=KNOWN.__getitem__)
        capture(raw.observations, job)
        span = Span(curated.DAILY, "2013-01-01", "2013-02-01")
        publish(curated.observations, span, job).refuse_blocked()
        yield found


def frame(lake: Lake, sql: str) -> pd.DataFrame:
    """What a query finds."""
    with lake.get_connection() as connection:
        return connection.execute(sql).to_arrow_table().to_pandas()


@pytest.mark.slow
def test_january_equals_the_file_row_by_row(lake: Lake) -> None:
    """Each airport's hours with all their numbers, at the file's UTC instants."""
    found = frame(lake, "select * from lake.weather_curated.observations")
    file = pd.read_csv(source_file("weather.csv")).query("month == 1")
    names = {
        "temp": "temperature_f",
        "dewp": "dew_point_f",
        "humid": "humidity_percent",
        "wind_dir": "wind_direction_degrees",
        "wind_speed": "wind_speed_mph",
        "wind_gust": "wind_gust_mph",
        "precip": "precipitation_inches",
        "pressure": "pressure_hpa",
        "visib": "visibility_miles",
        "origin": "airport",
    }
    expected = file.rename(columns=names)
    expected["observed_at"] = pd.to_datetime(expected["time_hour"], utc=True)
    columns = [*names.values(), "observed_at"]
    both = [
        f[columns]
        .assign(observed_at=f["observed_at"].dt.tz_convert("UTC").astype("datetime64[us, UTC]"))
        .sort_values(["airport", "observed_at"], ignore_index=True)
        for f in (found, expected)
    ]
    assert len(found) == 2226
    pd.testing.assert_frame_equal(*both, check_dtype=False, rtol=0)


def test_observation_is_the_one_published_last() -> None:
    """A correction takes the place of what it corrects; the other airport is left alone."""
    base = {"observed_at": HOUR, "_row": 1}  # the row of a window, not its place among all
    rows = [
        {**base, "airport": "JFK", "temperature_f": 49.0, "_delivered_at": HOUR.replace(hour=16)},
        {**base, "airport": "JFK", "temperature_f": 39.0, "_delivered_at": HOUR.replace(hour=18)},
        {**base, "airport": "LGA", "temperature_f": 41.0, "_delivered_at": HOUR.replace(hour=16)},
    ]
    found = run(curated.observations, published=rows)
    assert {row["airport"]: row["temperature_f"] for row in found} == {"JFK": 39.0, "LGA": 41.0}


def readings(*values: tuple[str, str, int, float]) -> list[dict[str, Any]]:
    """Readings (airport, instrument, minute of the hour, value)."""
    return [
        {
            "device": f"{airport}-{instrument}",
            "sequence": number,
            "airport": airport,
            "instrument": instrument,
            "value": value,
            "measured_at": HOUR.replace(minute=minute),
        }
        for number, (airport, instrument, minute, value) in enumerate(values)
    ]


def test_conditions_put_readings_beside_the_observation() -> None:
    """Mean wind, lowest visibility, mean pressure; an hour without one side is there as well."""
    observed = [
        {"airport": "JFK", "observed_at": HOUR, "temperature_f": 40.0, "pressure_hpa": 1011.0},
        {"airport": "LGA", "observed_at": HOUR, "temperature_f": 42.0},
    ]
    telemetry = readings(
        ("JFK", "wind", 0, 10.0),
        ("JFK", "wind", 59, 13.0),
        ("JFK", "visibility", 10, 9.5),
        ("JFK", "visibility", 20, 8.0),
        ("JFK", "pressure", 30, 1012.5),
        ("EWR", "wind", 5, 4.0),
    )
    rows = run(curated.airport_conditions, observations=observed, telemetry=telemetry)
    found = {row["airport"]: row for row in rows}
    assert {a: (r["readings"], r["temperature_f"]) for a, r in found.items()} == {
        "JFK": (5, 40.0),
        "LGA": (0, 42.0),
        "EWR": (1, None),
    }
    names = ("mean_wind_mph", "lowest_visibility_miles", "mean_pressure_hpa", "pressure_hpa")
    assert [found["JFK"][n] for n in names] == [11.5, 8.0, 1012.5, 1011.0]
    assert [found["LGA"][n] for n in names] == [None] * 4
    assert {row["hour_at"] for row in found.values()} == {HOUR}
