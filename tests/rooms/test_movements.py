"""Movements from the bus to the taxi times, beside pandas over the file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from demo.bus import Bus
from demo.calendar import days_between
from demo.flights import source_file
from demo.movements import movements
from demo.pace import FOREVER
from demo.replay import BEGINNING
from platform_assets.operations import curated, raw
from tests.lakes import LakeTemplate
from watermain.dbt.dbt import prepare_manifest
from watermain.declare import Daily, DatasetName
from watermain.engine.capture.ingest import capture
from watermain.engine.mart.mart import marts
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.process.broker import EmbeddedBroker
from watermain.settings import load_settings

pytestmark = pytest.mark.slow
DAYS = days_between(date(2013, 1, 1), date(2013, 1, 5))
FIRST, LAST = "2013-01-01", "2013-01-07"
TAXI_TIMES = DatasetName.parse("operations.marts.fct_taxi_times")


@dataclass(frozen=True)
class World:
    """A lake that has heard of five days; the bus that told of them."""

    lake: Lake
    bus: Bus
    job: Job

    def publish(self) -> tuple[Publication, Publication]:
        """Publish the movements, then the taxi times."""
        done = []
        for dataset in (curated.movements, self.job.find(TAXI_TIMES)):
            assert isinstance(dataset.cadence, Daily)
            done.append(publish(dataset, Span(dataset.cadence, FIRST, LAST), self.job))
            done[-1].refuse_blocked()
        return done[0], done[1]

    def frame(self, sql: str) -> pd.DataFrame:
        """What a query finds."""
        with self.lake.get_connection() as connection:
            return connection.execute(sql).to_arrow_table().to_pandas()


@pytest.fixture(scope="module")
def world(empty_lake: LakeTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Five days, captured from the embedded broker, published."""
    home: Path = tmp_path_factory.mktemp("movements")
    broker = EmbeddedBroker(log=home / "broker.log")
    broker.start()
    with empty_lake.world(home, "movements_lake") as lake, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATERMAIN_SOURCE_MOVEMENT_BUS", broker.address)
        bus = Bus(broker.address)
        bus.publish(movements({d: d for d in DAYS}, 7, after=BEGINNING, until=FOREVER))
        known = {d.name: d for d in (raw.movements, curated.movements)}
        known |= {d.name: d for d in marts("operations", prepare_manifest(load_settings()))}
        found = World(lake, bus, Job(lake=lake, find=known.__getitem__))
        capture(raw.movements, found.job)
        found.publish()
        yield found
    broker.stop()


@pytest.fixture(scope="module")
def file() -> pd.DataFrame:
    """The flights of these days that left, straight from the CSV file."""
    with zipfile.ZipFile(source_file("flights.csv.zip")) as archive:
        frame = pd.read_csv(archive.open("flights.csv"))
    frame = frame[(frame["month"] == 1) & (frame["day"] <= len(DAYS)) & frame["dep_time"].notna()]
    scheduled = pd.to_datetime(frame[["year", "month", "day", "hour", "minute"]])
    frame["left_on"] = (scheduled + pd.to_timedelta(frame["dep_delay"], unit="m")).dt.date
    return frame


def test_each_movement_stands_once_on_the_day_it_happened(world: World, file: pd.DataFrame) -> None:
    """What came twice is one row; gates out per airport and New York day are the file's."""
    found = world.frame("select * from lake.operations_curated.movements")
    assert len(world.frame("select 1 from lake.operations_raw.movements")) > len(found)
    assert len(found) == 4 * len(file)
    assert not found.duplicated(["flight_id", "kind"]).any()
    out = found[found["kind"] == "gate_out"]
    days = out["happened_at"].dt.tz_convert("America/New_York").dt.date
    counted = out.groupby([days.rename("left_on"), "airport"]).size()
    expected = file.rename(columns={"origin": "airport"}).groupby(["left_on", "airport"]).size()
    assert counted.to_dict() == expected.to_dict()


def test_time_in_the_air_equals_the_files(world: World, file: pd.DataFrame) -> None:
    """From the take-off to the landing, over all flights that arrived where they were to."""
    found = world.frame(
        "select phase_minutes from lake.operations_curated.movements"
        " where kind = 'landing' and airport is not null"
    )
    arrived = file[file["arr_delay"].notna()]
    assert len(found) == len(arrived)
    assert int(found["phase_minutes"].sum()) == int(arrived["air_time"].sum())


def test_taxi_times_equal_pandas_over_the_movements(world: World) -> None:
    """Per day, airport, direction: count, mean, nine of ten, longest."""
    found = world.frame("select * from lake.operations_marts.fct_taxi_times")
    moved = world.frame("select * from lake.operations_curated.movements where airport is not null")
    moved["direction"] = moved["kind"].map({"take_off": "out", "gate_in": "in"})
    moved["moved_on"] = moved["happened_at"].dt.tz_convert("America/New_York").dt.date
    by = ["moved_on", "airport", "direction"]
    minutes = moved.dropna(subset=["direction"]).groupby(by)["phase_minutes"]
    expected = pd.DataFrame(
        {
            "movements": minutes.size(),
            "mean_taxi_minutes": minutes.mean(),
            "slow_taxi_minutes": minutes.quantile(0.9),
            "longest_taxi_minutes": minutes.max(),
        }
    )
    found["moved_on"] = pd.to_datetime(found["moved_on"]).dt.date
    pd.testing.assert_frame_equal(
        found.set_index(by).sort_index()[list(expected.columns)],
        expected.sort_index(),
        check_dtype=False,
        check_index_type=False,
    )


def test_message_of_an_old_day_touches_that_day_alone(world: World) -> None:
    """A movement heard of days later is in its own partition; the others stand."""
    day = {date(2013, 1, 3): date(2013, 1, 3)}
    late = next(movements(day, 8, after=BEGINNING, until=FOREVER))
    value = late.value.replace(late.flight_id, "ZZ1-JFK-LAX-2013-01-03")
    fresh = late._replace(flight_id="ZZ1-JFK-LAX-2013-01-03", value=value)
    world.bus.publish([fresh])
    (captured,) = capture(raw.movements, world.job).outcomes
    assert (captured.partition, captured.rows_in) == ("2013-01-03", 1)
    for done in world.publish():
        assert [o.partition for o in done.outcomes if o.published] == ["2013-01-03"]
    found = world.frame(
        "select 1 from lake.operations_curated.movements where flight_id = 'ZZ1-JFK-LAX-2013-01-03'"
    )
    assert len(found) == 1
