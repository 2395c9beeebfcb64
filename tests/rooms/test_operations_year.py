"""A year of flights, from the operations database to the marts, beside pandas over the file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from demo.drop import drop_files
from demo.flights import source_file
from demo.operations import make_tables
from demo.replay import Replay
from platform_assets.operations import curated, raw
from watermain.dbt.dbt import prepare_manifest
from watermain.declare import Dataset, DatasetName
from watermain.engine.capture.ingest import capture
from watermain.engine.mart.mart import marts
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings

pytestmark = pytest.mark.slow
FLIGHTS = 336_776
MEASURES = ["flights", "cancelled", "diverted", "on_time"]


@dataclass(frozen=True)
class World:
    """The operations database with the lake that follows it."""

    lake: Lake
    source: str
    known: dict[DatasetName, Dataset]

    @property
    def job(self) -> Job:
        return Job(lake=self.lake, find=self.known.__getitem__)

    def build(self, name: str, first: str = "2013-01-01", last: str = "2013-12-31") -> Publication:
        """Publish a dataset, over a span of days where it has partitions."""
        dataset = self.known[DatasetName.parse(name)]
        cadence = dataset.cadence
        span = None
        if cadence is not None:
            low, high = (cadence.floor(pd.Timestamp(d).to_pydatetime()) for d in (first, last))
            span = Span(cadence, low.strftime(cadence.format), high.strftime(cadence.format))
        done = publish(dataset, span, self.job)
        done.refuse_blocked()
        return done

    def frame(self, sql: str) -> pd.DataFrame:
        """What a query finds; tables are named as the lake names them."""
        with self.lake.get_connection() as connection:
            return connection.execute(sql).to_arrow_table().to_pandas()


@pytest.fixture(scope="module")
def world(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A whole year, captured, published once for all tests of this module."""
    home = tmp_path_factory.mktemp("year")
    for database in ("year_lake", "year_operations"):
        postgres.ensure_database(database)
    source = postgres.dsn("year_operations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATERMAIN_DATA_DIR", str(home))
        patch.setenv("WATERMAIN_POSTGRES", postgres.dsn("year_lake"))
        patch.setenv("WATERMAIN_SOURCE_OPERATIONS_DB", source)
        patch.setenv("WATERMAIN_SOURCE_PARTNER_DROP", str(home / "drop"))
        load(source, home / "drop")
        found = world_of(source)
        stock(found)
        yield found
        drop_slots(postgres, "year_operations")


def load(source: str, drop: Path) -> None:
    """Bring every flight of 2013 to its final state; deliver the partner's files."""
    days = [date(2013, 1, 1) + timedelta(days=n) for n in range(365)]
    with closing(psycopg.connect(source, autocommit=True)) as connection:
        make_tables(connection)
        Replay(connection, 7).finish({day: day for day in days})
    for path in drop_files(drop):
        os.utime(path, (0, 0))  # still for long enough


def world_of(source: str) -> World:
    """An empty lake that knows the room's datasets."""
    lake = Lake.from_settings()
    lake.initialize()
    with lake.get_connection() as connection:
        ledger.create(connection)
    shelves = [d for s in (raw, curated) for d in vars(s).values() if isinstance(d, Dataset)]
    models = marts("operations", prepare_manifest(load_settings()))
    return World(lake, source, {d.name: d for d in (*shelves, *models)})


def stock(world: World) -> None:
    """Capture, then publish everything from curated to marts."""
    for dataset in (raw.flights, raw.airlines, raw.planes):
        capture(dataset, world.job)
    for name in ("flights", "airlines", "aircraft"):
        world.build(f"operations.curated.{name}")
    for name in (
        "fct_departures",
        "fct_daily_punctuality",
        "fct_monthly_on_time_report",
        "dim_aircraft",
    ):
        world.build(f"operations.marts.{name}")


def drop_slots(postgres: EmbeddedPostgres, database: str) -> None:
    """Let the shared server forget this module's captures."""
    with psycopg.connect(postgres.dsn(database), autocommit=True) as connection:
        connection.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
            " where database = %s and not active",
            [database],
        )


@pytest.fixture(scope="module")
def file() -> pd.DataFrame:
    """The year straight from the CSV file, with what the marts count."""
    with zipfile.ZipFile(source_file("flights.csv.zip")) as archive:
        frame = pd.read_csv(archive.open("flights.csv"))
    frame["flight_on"] = pd.to_datetime(frame[["year", "month", "day"]])
    frame["cancelled"] = frame["dep_time"].isna()
    frame["diverted"] = ~frame["cancelled"] & frame["arr_delay"].isna()
    frame["on_time"] = frame["arr_delay"] < 15
    return frame


def counted(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The measures of the marts, by pandas."""
    return frame.groupby(by).agg(
        flights=("flight", "size"),
        cancelled=("cancelled", "sum"),
        diverted=("diverted", "sum"),
        on_time=("on_time", "sum"),
        mean_departure_delay_minutes=("dep_delay", "mean"),
        mean_arrival_delay_minutes=("arr_delay", "mean"),
    )


def compare(found: pd.DataFrame, expected: pd.DataFrame, by: list[str]) -> None:
    """Both tables hold the same rows; dates are compared as dates."""
    dated = {c: pd.to_datetime(found[c]) for c in by if c.endswith("_on")}
    found = found.assign(**dated).set_index(by).sort_index()
    columns = [c for c in expected.columns if c in found.columns]
    assert set(MEASURES) < set(columns)
    pd.testing.assert_frame_equal(
        found[columns], expected[columns], check_dtype=False, check_index_type=False, rtol=1e-12
    )


def test_curated_year_holds_every_flight_of_the_file_once(world: World, file: pd.DataFrame) -> None:
    """336,776 legs, each with its own key; the states are the file's."""
    found = world.frame(
        "select count(*) as n, count(distinct flight_id) as keys,"
        " count(*) filter (status = 'cancelled') as cancelled,"
        " count(*) filter (status = 'diverted') as diverted,"
        " count(*) filter (status = 'arrived') as arrived"
        " from lake.operations_curated.flights"
    ).to_dict("records")[0]
    cancelled, diverted = int(file["cancelled"].sum()), int(file["diverted"].sum())
    assert (cancelled, diverted) == (8_255, 1_175)
    assert found == {
        "n": FLIGHTS,
        "keys": FLIGHTS,
        "cancelled": cancelled,
        "diverted": diverted,
        "arrived": FLIGHTS - cancelled - diverted,
    }


def test_monthly_report_of_the_year_equals_pandas_over_the_file(
    world: World, file: pd.DataFrame
) -> None:
    """Per carrier and month: flights, cancelled, diverted, on time, mean delay, to the row."""
    found = world.frame("select * from lake.operations_marts.fct_monthly_on_time_report")
    month = file["flight_on"].dt.to_period("M").dt.to_timestamp().astype("datetime64[us]")
    compare(
        found,
        counted(file.assign(month_on=month), ["month_on", "carrier"]),
        ["month_on", "carrier"],
    )
    assert len(found) == 185
    names = pd.read_csv(source_file("airlines.csv")).set_index("carrier")["name"]
    assert dict(zip(found["carrier"], found["airline"], strict=True)) == dict(names)


def test_daily_punctuality_of_the_year_equals_pandas_over_the_file(
    world: World, file: pd.DataFrame
) -> None:
    """Per day, airport, carrier: the same, with the mean delays of departures also."""
    by = ["flight_on", "origin", "carrier"]
    compare(
        world.frame("select * from lake.operations_marts.fct_daily_punctuality"),
        counted(file, by),
        by,
    )


def test_departures_of_the_year_equal_the_file_row_by_row(world: World, file: pd.DataFrame) -> None:
    """Every leg's delays, air time, distance, aircraft, on the file's own calendar day."""
    found = world.frame(
        "select flight_on, carrier, flight_number as flight, origin, destination as dest,"
        " departure_delay_minutes as dep_delay, arrival_delay_minutes as arr_delay,"
        " air_time_minutes as air_time, distance_miles as distance, tail_number as tailnum,"
        " is_cancelled as cancelled, is_diverted as diverted, is_on_time as on_time"
        " from lake.operations_marts.fct_departures"
    )
    found["flight_on"] = pd.to_datetime(found["flight_on"])
    expected = file[list(found.columns)]
    order = ["flight_on", "carrier", "flight", "origin", "dest", "distance", "dep_delay"]
    both = [f.sort_values(order, ignore_index=True) for f in (found, expected)]
    pd.testing.assert_frame_equal(*both, check_dtype=False)


def test_dim_aircraft_equals_the_partners_file(world: World) -> None:
    """One row per aircraft, as delivered."""
    found = world.frame("select * from lake.operations_marts.dim_aircraft order by tail_number")
    planes = pd.read_csv(source_file("planes.csv")).sort_values("tailnum", ignore_index=True)
    assert list(found["tail_number"]) == list(planes["tailnum"])
    for ours, theirs in (("manufactured_year", "year"), ("seats", "seats"), ("speed_mph", "speed")):
        pd.testing.assert_series_equal(
            found[ours], planes[theirs], check_names=False, check_dtype=False
        )


@pytest.mark.parametrize(
    ("day", "hours", "offsets"),
    [("2013-03-10", 23, (-5, -4)), ("2013-11-03", 25, (-4, -5))],
)
def test_curated_flights_follow_the_clock_on_both_days_it_moves(
    world: World, file: pd.DataFrame, day: str, hours: int, offsets: tuple[int, int]
) -> None:
    """The offset changes with the day; every leg stays on its own New York day."""
    window = curated.flights.cadence.window(day) if curated.flights.cadence else None
    assert window is not None
    assert window.end - window.start == timedelta(hours=hours)
    found = world.frame(
        "select r.scheduled_departure as wall, c.scheduled_departure_at as utc"
        " from lake.operations_curated.flights c join lake.operations_raw.flights r"
        f" using (flight_id) where r.scheduled_departure::date between date '{day}' - 1"
        f" and '{day}'"
    )
    utc = found["utc"].dt.tz_convert("UTC").dt.tz_localize(None)
    offset = ((found["wall"] - utc) / pd.Timedelta(hours=1)).groupby(found["wall"].dt.date)
    today, yesterday = date.fromisoformat(day), date.fromisoformat(day) - timedelta(days=1)
    assert {d: set(o) for d, o in offset} == {yesterday: {offsets[0]}, today: {offsets[1]}}
    inside = (utc >= window.start.replace(tzinfo=None)) & (utc < window.end.replace(tzinfo=None))
    assert int(inside.sum()) == int((file["flight_on"] == day).sum())


def test_corrections_republish_exactly_the_days_they_touch(world: World) -> None:
    """Three late corrections come through the capture; three days are new, 362 stand."""
    days = ("2013-02-03", "2013-07-04", "2013-11-30")
    with psycopg.connect(world.source) as connection:
        for day in days:
            connection.execute(
                "update public.flights set arrival_delay_minutes = 777, updated_at = now()"
                " where flight_id = (select min(flight_id) from public.flights"
                " where scheduled_departure::date = %s and status = 'arrived')",
                [day],
            )
    captured = capture(raw.flights, world.job)
    assert tuple(o.partition for o in captured.outcomes) == days
    assert [o.rows_in for o in captured.outcomes] == [1, 1, 1]
    published = f"select * from {ledger.PUBLISHES} where dataset = 'operations.curated.flights'"
    before = world.frame(published)
    for name in ("operations.curated.flights", "operations.marts.fct_departures"):
        done = [o for day in days for o in world.build(name, day, day).outcomes]
        assert [(o.partition, o.published) for o in done] == [(day, True) for day in days]
        assert not any(o.published for o in world.build(name).outcomes)
    after = world.frame(published)
    assert len(after) - len(before) == len(days)
    found = world.frame(
        f"select flight_on from {table(DatasetName.parse('operations.marts.fct_departures'))}"
        " where arrival_delay_minutes = 777 order by 1"
    )
    assert tuple(str(d)[:10] for d in found["flight_on"]) == days
    assert len(world.frame("select 1 from lake.operations_curated.flights")) == FLIGHTS
