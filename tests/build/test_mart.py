"""The dbt marts: declared from the manifest, published from the compiled SQL."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pytest

from demo.flights import source_file
from platform_assets.build.dbt_sources import arrow_type, sources_text, sql_type
from platform_assets.build.mart import marts
from platform_assets.build.partition import Span
from platform_assets.build.publish import Job, publish
from platform_assets.declare import Daily, Dataset, DatasetName, Monthly, Slo
from platform_assets.declare.check import AcceptedValues, NotNull, Query, RefersTo, UniqueKey
from platform_assets.declare.errors import BrokenContractError, InvalidDeclarationError
from platform_assets.operations import curated
from resources.dbt import PROJECT, prepare_manifest
from resources.lake import Lake, table
from resources.settings import Settings

CURATED = [d for d in vars(curated).values() if isinstance(d, Dataset)]
NEW_YORK = Daily(zone="America/New_York")
LEG = {
    "flight_id": "a",
    "carrier": "UA",
    "flight_number": 1,
    "tail_number": "N1",
    "origin": "EWR",
    "destination": "IAH",
    "scheduled_departure_at": datetime(2013, 1, 1, 15, tzinfo=UTC),
    "departed_at": datetime(2013, 1, 1, 15, 2, tzinfo=UTC),
    "departure_delay_minutes": 2,
    "arrival_delay_minutes": 14,
    "air_time_minutes": 227,
    "distance_miles": 1400,
    "status": "arrived",
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's manifest, compiled once."""
    return prepare_manifest(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture
def declared(manifest: Path) -> dict[str, Dataset]:
    """The marts by their table name."""
    return {d.name.table: d for d in marts("operations", manifest)}


Give = Callable[..., None]


class House:
    """A lake whose curated datasets hold what a test gives."""

    def __init__(self, lake: Lake, known: Mapping[str, Dataset]) -> None:
        self.lake = lake
        self.known = {d.name: d for d in (*CURATED, *known.values())}

    @property
    def job(self) -> Job:
        return Job(lake=self.lake, find=self.known.__getitem__, rebuild=True)

    def give(self, name: str, rows: pa.Table, span: Span | None = None) -> None:
        """Publish rows as a curated dataset."""
        dataset = self.known[DatasetName.parse(name)]
        rows = rows.select(dataset.contract.schema.names).cast(dataset.contract.schema)

        def body() -> pa.Table:
            return rows

        plain = replace(dataset, inputs={}, body=body)
        publish(plain, span, self.job).refuse_blocked()

    def read(self, name: str) -> pa.Table:
        """The visible rows of a dataset."""
        with self.lake.get_connection() as connection:
            found = connection.execute(
                f"select * from {table(DatasetName.parse(name))} order by all"
            )
            return found.to_arrow_table()

    def build(self, mart: str, first: str | None = None, last: str | None = None) -> None:
        """Publish a mart."""
        dataset = self.known[DatasetName("operations", "marts", mart)]
        span = None
        if dataset.cadence is not None and first is not None:
            span = Span(dataset.cadence, first, last or first)
        publish(dataset, span, self.job).refuse_blocked()


@pytest.fixture
def house(lake: Lake, declared: dict[str, Dataset]) -> House:
    """An empty lake that knows the curated datasets with their marts."""
    return House(lake, declared)


def legs(*changes: Mapping[str, Any]) -> pa.Table:
    """Flight legs, each told by how it differs from an ordinary one."""
    rows = [{**LEG, "flight_id": str(n), **change} for n, change in enumerate(changes)]
    return pa.Table.from_pylist(rows, schema=curated.flights.contract.schema)


def airlines() -> pa.Table:
    """Every airline of 2013."""
    return pa.Table.from_pandas(pd.read_csv(source_file("airlines.csv")), preserve_index=False)


def test_sources_file_is_what_the_curated_declarations_say() -> None:
    """A change of a contract reaches dbt, or this fails: run `make dbt-sources`."""
    assert (PROJECT / "models" / "sources.yml").read_text() == sources_text(CURATED)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (pa.string(), "varchar"),
        (pa.int32(), "integer"),
        (pa.timestamp("us", "UTC"), "timestamptz"),
        (pa.decimal128(12, 2), "decimal(12, 2)"),
        (pa.date32(), "date"),
    ],
)
def test_types_are_the_same_word_both_ways(kind: pa.DataType, word: str) -> None:
    """A type goes into the sources file as a model's `data_type` comes out."""
    assert sql_type(kind) == word
    assert arrow_type(word) == kind


def test_marts_declares_each_model_of_the_teams_folder(declared: dict[str, Dataset]) -> None:
    """Name, owner, grain, key, cadence, promise, inputs come from the dbt project."""
    report = declared["fct_monthly_on_time_report"]
    assert set(declared) == {
        "dim_aircraft",
        "fct_daily_punctuality",
        "fct_departures",
        "fct_monthly_on_time_report",
    }
    assert str(report.name) == "operations.marts.fct_monthly_on_time_report"
    assert report.owner == "team:operations"
    assert report.contract.grain == "One row per carrier and month: the regulator's table"
    assert report.contract.key == ("month_on", "carrier")
    assert report.contract.event_time == "month_on"
    assert report.cadence == Monthly(zone="America/New_York", late_for=timedelta(days=7))
    assert report.slo == Slo(ready_within=timedelta(hours=24))
    assert set(map(str, report.inputs.values())) == {
        "operations.curated.airlines",
        "operations.marts.fct_departures",
    }
    assert report.contract.column("mean_arrival_delay_minutes").unit == "minutes"
    assert report.declared == (
        "dbt_project/models/marts/operations/fct_monthly_on_time_report.sql:1"
    )
    assert declared["dim_aircraft"].cadence is None


def test_marts_turns_dbt_tests_into_checks(declared: dict[str, Dataset]) -> None:
    """Stock tests become words; all others run as SQL over datasets."""
    departures = declared["fct_departures"].checks
    assert UniqueKey(key=("flight_id",)) in departures
    assert NotNull(column="flight_on") in departures
    assert AcceptedValues(column="origin", values=("EWR", "JFK", "LGA")) in departures
    assert (
        RefersTo(
            column="carrier",
            dataset=DatasetName.parse("operations.curated.airlines"),
            other="carrier",
            severity="warn",
        )
        in declared["fct_monthly_on_time_report"].checks
    )
    queries = {c.label: c for c in declared["fct_daily_punctuality"].checks if isinstance(c, Query)}
    assert set(queries) == {"punctuality_adds_up", "punctuality_counts_every_departure"}
    counted = queries["punctuality_counts_every_departure"]
    assert counted.datasets == (DatasetName.parse("operations.marts.fct_departures"),)
    assert '"operations.marts.fct_daily_punctuality"' in counted.sql


def test_a_mart_runs_on_tables_of_ones_own(declared: dict[str, Dataset]) -> None:
    """On time is less than 15 minutes after schedule; the day is New York's."""
    late_evening = datetime(2013, 1, 2, 4, 30, tzinfo=UTC)
    connection = duckdb.connect()
    two = legs({}, {"arrival_delay_minutes": 15, "scheduled_departure_at": late_evening})
    connection.register("two", two)
    connection.execute("create table two_legs as from two")
    given = ibis.duckdb.from_connection(connection).table("two_legs")
    found = declared["fct_departures"](operations_curated_flights=given).order_by("flight_id")
    rows = found.to_pyarrow().to_pylist()
    assert [r["is_on_time"] for r in rows] == [True, False]
    assert [str(r["flight_on"]) for r in rows] == ["2013-01-01", "2013-01-01"]


def test_publish_keeps_marts_whole_over_the_days_the_clock_moves(house: House) -> None:
    """The last minute of a 23-hour day, the first of the next, are cut where New York cuts."""
    instants = ["2013-03-10 04:59", "2013-03-10 05:00", "2013-03-11 03:59", "2013-03-11 04:00"]
    given = [{"scheduled_departure_at": datetime.fromisoformat(f"{i}+00:00")} for i in instants]
    house.give(
        "operations.curated.flights", legs(*given), Span(NEW_YORK, "2013-03-09", "2013-03-11")
    )
    house.build("fct_departures", "2013-03-09", "2013-03-11")
    house.build("fct_daily_punctuality", "2013-03-09", "2013-03-11")
    found = house.read("operations.marts.fct_daily_punctuality").to_pylist()
    assert [(str(r["flight_on"]), r["flights"]) for r in found] == [
        ("2013-03-09", 1),
        ("2013-03-10", 2),
        ("2013-03-11", 1),
    ]


def january() -> tuple[pd.DataFrame, pa.Table]:
    """The flights of January 2013: as the file has them, as curated rows."""
    with zipfile.ZipFile(source_file("flights.csv.zip")) as archive:
        frame = pd.read_csv(archive.open("flights.csv"))
    frame = frame[frame["month"] == 1].reset_index(drop=True)
    at = pd.to_datetime(frame[["year", "month", "day", "hour", "minute"]]).dt.tz_localize(
        "America/New_York"
    )
    state = pd.Series("arrived", index=frame.index)
    state[frame["arr_delay"].isna()] = "diverted"
    state[frame["dep_time"].isna()] = "cancelled"
    columns = {
        "flight_id": frame.index.astype(str),
        "carrier": frame["carrier"],
        "flight_number": frame["flight"],
        "tail_number": frame["tailnum"],
        "origin": frame["origin"],
        "destination": frame["dest"],
        "scheduled_departure_at": at.dt.tz_convert("UTC"),
        "departed_at": at.dt.tz_convert("UTC") + pd.to_timedelta(frame["dep_delay"], unit="m"),
        "departure_delay_minutes": frame["dep_delay"],
        "arrival_delay_minutes": frame["arr_delay"],
        "air_time_minutes": frame["air_time"],
        "distance_miles": frame["distance"],
        "status": state,
    }
    schema = curated.flights.contract.schema
    return frame, pa.Table.from_pandas(pd.DataFrame(columns), schema=schema, preserve_index=False)


def test_marts_of_a_real_month_equal_pandas_over_the_file(house: House) -> None:
    """Counts, cancelled, diverted, on time, mean delay: per carrier, to the row."""
    frame, rows = january()
    house.give("operations.curated.flights", rows, Span(NEW_YORK, "2013-01-01", "2013-01-31"))
    house.give("operations.curated.airlines", airlines())
    house.build("fct_departures", "2013-01-01", "2013-01-31")
    house.build("fct_daily_punctuality", "2013-01-01", "2013-01-31")
    house.build("fct_monthly_on_time_report", "2013-01-01")
    frame["cancelled"] = frame["dep_time"].isna()
    frame["diverted"] = ~frame["cancelled"] & frame["arr_delay"].isna()
    frame["on_time"] = frame["arr_delay"] < 15
    for mart, by in (
        ("fct_monthly_on_time_report", ["carrier"]),
        ("fct_daily_punctuality", ["day", "origin", "carrier"]),
    ):
        expected = frame.groupby(by).agg(
            flights=("flight", "size"),
            cancelled=("cancelled", "sum"),
            diverted=("diverted", "sum"),
            on_time=("on_time", "sum"),
            mean_arrival_delay_minutes=("arr_delay", "mean"),
        )
        found = house.read(f"operations.marts.{mart}").to_pandas()
        if "day" in by:
            found["day"] = pd.to_datetime(found["flight_on"]).dt.day
        found = found.set_index(by)[list(expected.columns)].sort_index()
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_index_type=False)
    assert len(house.read("operations.marts.fct_departures")) == 27_004


def test_publish_holds_a_mart_back_when_a_dbt_test_fails(house: House) -> None:
    """A generic test without a word of ours blocks like any other check."""
    span = Span(NEW_YORK, "2013-01-01", "2013-01-02")
    second = datetime(2013, 1, 2, 15, tzinfo=UTC)
    house.give("operations.curated.flights", legs({}, {"scheduled_departure_at": second}), span)
    house.build("fct_departures", "2013-01-01", "2013-01-02")
    mart = house.known[DatasetName.parse("operations.marts.fct_daily_punctuality")]
    sql = mart.labels["sql"].replace("is_on_time) AS", "is_on_time) * 2 AS")
    tables = {a: f"input_{a}" for a in mart.inputs}

    def body(**given: ibis.Table) -> ibis.Table:
        assert set(given) == set(tables)
        where = "case when flight_on = date '2013-01-02' then 9 else 0 end"
        only_second = sql.replace("* 2 AS on_time", f"+ max({where}) AS on_time")
        return next(iter(given.values())).get_backend().sql(only_second)

    done = publish(replace(mart, body=body), span, house.job)
    blocked = {(o.partition, f.check) for o in done.outcomes for f in o.findings if f.blocks}
    assert blocked == {("2013-01-02", "punctuality_adds_up")}
    found = house.read("operations.marts.fct_daily_punctuality").to_pylist()
    assert [str(r["flight_on"]) for r in found] == ["2013-01-01"]
    with pytest.raises(BrokenContractError, match="break `punctuality_adds_up`"):
        done.refuse_blocked()


def test_publish_warns_but_publishes_when_a_dbt_test_of_severity_warn_fails(house: House) -> None:
    """An airline nobody delivered is reported, no more."""
    span = Span(NEW_YORK, "2013-01-01", "2013-01-01")
    house.give("operations.curated.flights", legs({"carrier": "ZZ"}), span)
    house.give("operations.curated.airlines", airlines())
    house.build("fct_departures", "2013-01-01")
    report = house.known[DatasetName.parse("operations.marts.fct_monthly_on_time_report")]
    assert report.cadence is not None
    done = publish(report, Span(report.cadence, "2013-01-01", "2013-01-01"), house.job)
    failed = {(f.check, f.severity) for o in done.outcomes for f in o.findings if not f.passed}
    assert failed == {("refers_to_carrier", "warn")}
    assert len(house.read(str(report.name))) == 1


@contextmanager
def changed(manifest: Path, folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The manifest to change in the block, where it is written afterwards."""
    found = json.loads(manifest.read_text())
    path = folder / "manifest.json"
    yield found, path
    path.write_text(json.dumps(found))


MODEL = "model.watermain.fct_departures"


def _word(words: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    def change(nodes: dict[str, Any]) -> None:
        nodes[MODEL]["config"]["meta"]["watermain"].update(words)

    return change


def _column(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(nodes: dict[str, Any]) -> None:
        nodes[MODEL]["columns"]["carrier"][name] = value

    return change


def _node(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(nodes: dict[str, Any]) -> None:
        nodes[MODEL][name] = value

    return change


def _test(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(nodes: dict[str, Any]) -> None:
        nodes["test.watermain.punctuality_counts_every_departure"]["config"][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "says", "next_step"),
    [
        (_word({"cadence": "dayly"}), "the cadence 'dayly'", "use one of `daily`, `hourly`"),
        (_word({"grian": "x"}), "says `grian` in meta.watermain", "`grain`"),
        (_word({"key": None}), "has no key", "key: [...]"),
        (_word({"slo": {"ready": 2}}), "promises `ready`", "`ready_within_hours`"),
        (_column("data_type", "text8"), "the data_type 'text8'", "`varchar`"),
        (_column("data_type", None), "`carrier` the data_type None", "`varchar`"),
        (
            _column("config", {"meta": {"sensitivity": "hidden"}}),
            "the sensitivity 'hidden'",
            "`personal`",
        ),
        (_node("language", "python"), "is written in python", "in SQL"),
        (_node("depends_on", {"nodes": []}), "reads nothing", "`source()` or `ref()`"),
        (
            _node("compiled_code", 'select * from "lake"."billing_curated"."fees"'),
            "by hand",
            "`source()`",
        ),
        (_test("severity", "maybe"), "the severity 'maybe'", "`error` or `warn`"),
        (_test("error_if", "> 10"), "sets `error_if`", "all of them"),
        (_test("meta", {}), "speaks about no model", "dagster"),
    ],
)
def test_marts_refuses_a_project_that_does_not_fit(
    manifest: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    says: str,
    next_step: str,
) -> None:
    """Each wrong word is four lines that name the file with the right answers."""
    with changed(manifest, tmp_path) as (found, path):
        change(found["nodes"])
    with pytest.raises(InvalidDeclarationError) as refused:
        marts("operations", path)
    assert says in refused.value.what
    assert next_step in refused.value.next
    assert refused.value.declared.startswith("dbt_project/")
    assert len(str(refused.value).splitlines()) == 4


def test_marts_runs_a_test_with_a_filter_as_sql(manifest: Path, tmp_path: Path) -> None:
    """`where:` narrows a test, so the word alone would say too much."""
    with changed(manifest, tmp_path) as (found, path):
        for node in found["nodes"].values():
            if node["name"] == "not_null_fct_departures_flight_on":
                node["config"]["where"] = "status <> 'cancelled'"
    (departures,) = (d for d in marts("operations", path) if d.name.table == "fct_departures")
    assert NotNull(column="flight_on") not in departures.checks
    assert "not_null_fct_departures_flight_on" in {c.label for c in departures.checks}


def test_marts_sees_through_ephemeral_models(manifest: Path, tmp_path: Path) -> None:
    """What an ephemeral model reads is what its readers read; it is no dataset itself."""
    with changed(manifest, tmp_path) as (found, path):
        found["nodes"][MODEL]["config"]["materialized"] = "ephemeral"
        found["nodes"] = {
            k: v
            for k, v in found["nodes"].items()
            if (v["resource_type"] == "model" and v["name"] in ("fct_departures", "dim_aircraft"))
            or k.endswith("fct_daily_punctuality")
        }
        code = found["nodes"]["model.watermain.fct_daily_punctuality"]
        code["compiled_code"] = (
            'with d as (select * from "lake"."operations_curated"."flights") select origin from d'
        )
    punctuality = {d.name.table: d for d in marts("operations", path)}["fct_daily_punctuality"]
    assert list(map(str, punctuality.inputs.values())) == ["operations.curated.flights"]
