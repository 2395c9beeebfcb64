"""The dbt marts, declared from the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest

from tests.house.tree import DBT as PROJECT
from tests.watermain.engine.house import legs
from watermain.declare import Dataset, DatasetName, Migration, Monthly, Slo
from watermain.declare.body.mart import CompiledModel
from watermain.declare.check import (
    AcceptedValues,
    Expression,
    NotNull,
    Query,
    RefersTo,
    UniqueKey,
)
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.exchange.dbt_sources import arrow_type, sources_text, sql_type
from watermain.engine.mart.mart import marts
from watermain.orchestrate.dbt_asset import with_dbt
from watermain.orchestrate.location import everything

MODEL = "model.watermain.fct_departures"


def test_sources_file_is_what_the_curated_declarations_say() -> None:
    """A change of a contract reaches dbt, or this fails: run `watermain new dbt-sources`."""
    assert (PROJECT / "models" / "sources.yml").read_text() == sources_text(everything().values())


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
        "fct_taxi_times",
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


def _model(dataset: Dataset) -> CompiledModel:
    """What dbt compiled for a mart."""
    assert dataset.mart is not None
    assert dataset.mart.model is not None
    return dataset.mart.model


def test_with_dbt_adds_what_dbt_knows_of_the_model(declared: dict[str, Dataset]) -> None:
    """The SQL as written, the facts under dagster-dbt's names; the platform's own words stay."""
    words = {
        "description": "One row per carrier and month",
        "kinds": {"ducklake"},
        "tags": {"stage": "marts"},
        "metadata": {"grain": "one row"},
    }
    found = with_dbt(_model(declared["fct_monthly_on_time_report"]), words)
    assert found["description"] == "One row per carrier and month"
    sql = found["metadata"].pop("model_sql").value
    assert sql.startswith("```sql\nwith departures as (\n\n    select * from {{ ref(")
    assert sql.endswith("\n```")
    assert max(map(len, sql.splitlines())) <= 60
    assert found["kinds"] == {"dbt", "ducklake"}
    assert found["tags"] == {"stage": "marts"}
    assert found["metadata"] == {
        "grain": "one row",
        "dagster-dbt/materialization_type": "table",
        "dagster_dbt/unique_id": "model.watermain.fct_monthly_on_time_report",
        "dagster_dbt/project_id": md5(b"watermain", usedforsecurity=False).hexdigest(),
        "dbt/access": "protected",
    }


def test_with_dbt_takes_the_tags_that_dagster_can_hold(manifest: Path, tmp_path: Path) -> None:
    """A tag of dbt is a word without a value; ours stand where both speak."""
    with changed(manifest, tmp_path) as (project, path):
        project["nodes"][MODEL]["tags"] = ["nightly", "stage", "not a tag of Dagster!"]
    found = next(d for d in marts("operations", path) if _model(d).id == MODEL)
    words = {"description": "", "kinds": set(), "tags": {"stage": "marts"}, "metadata": {}}
    assert with_dbt(_model(found), words)["tags"] == {"nightly": "", "stage": "marts"}


@contextmanager
def changed(manifest: Path, folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The manifest to change in the block, where it is written afterwards."""
    found = json.loads(manifest.read_text())
    path = folder / "manifest.json"
    yield found, path
    path.write_text(json.dumps(found))


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
        (_word({"key": None}), "has the key None", "key: [...]"),
        (_word({"slo": {"ready": 2}}), "promises `ready`", "`ready_within_hours`"),
        (_column("data_type", "text8"), "the data_type 'text8'", "`varchar`"),
        (_column("data_type", None), "which no room declares", "declare that dataset"),
        (
            _column("config", {"meta": {"sensitivity": "hidden"}}),
            "the sensitivity 'hidden'",
            "`personal`",
        ),
        (_column("constraints", [{"type": "foreign_key"}]), "'foreign_key'", "`primary_key`"),
        (_word({"optional": ["billing.curated.fees"]}), "is optional", "list inputs of it"),
        (_word({"optional": "operations.curated.flights"}), "is optional", "list inputs of it"),
        (_node("depends_on", {"nodes": []}), "by hand", "`source()` or `ref()`"),
        (
            _node("compiled_code", 'select * from "lake"."billing_curated"."fees"'),
            "by hand",
            "`source()`",
        ),
        (_test("severity", "maybe"), "the severity 'maybe'", "`error` or `warn`"),
        (_test("sql_header", "select 1"), "sets `sql_header`", "`error_if`"),
    ],
)
def test_marts_refuses_a_project_that_does_not_fit(
    manifest: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    says: str,
    next_step: str,
) -> None:
    """Each wrong word is four lines at the model that says it; models beside it are declared."""
    with changed(manifest, tmp_path) as (found, path):
        change(found["nodes"])
    made = {d.name.table: d for d in marts("operations", path)}
    wrong = {name: d for name, d in made.items() if d.broken}
    first = wrong["fct_departures" if "fct_departures" in wrong else "fct_daily_punctuality"]
    assert first.broken is not None
    what, where, _, then = first.broken.splitlines()
    assert says in what
    assert next_step in then
    assert where.startswith("  declared  dbt_project/")
    assert made["dim_aircraft"].broken is None
    with pytest.raises(InvalidDeclarationError):
        first.refuse_broken()


def test_marts_takes_an_enforced_contract_with_its_constraints(
    manifest: Path, tmp_path: Path
) -> None:
    """What a warehouse would enforce, the audit does; the columns are the contract's."""
    with changed(manifest, tmp_path) as (found, path):
        node = found["nodes"][MODEL]
        node["config"]["contract"] = {"enforced": True}
        node["constraints"] = [{"type": "primary_key", "columns": ["flight_id", "flight_on"]}]
        node["columns"]["carrier"]["constraints"] = [
            {"type": "not_null"},
            {"type": "check", "expression": "carrier <> ''"},
        ]
    (departures,) = (d for d in marts("operations", path) if d.name.table == "fct_departures")
    columns = [(c["name"], c["data_type"]) for c in node["columns"].values()]
    assert [(c.name, sql_type(c.type)) for c in departures.contract.columns] == columns
    assert {
        UniqueKey(key=("flight_id", "flight_on")),
        NotNull(column="carrier"),
        Expression(name="check_carrier", sql="carrier <> ''"),
    } <= set(departures.checks)
    labels = [c.label for c in departures.checks]
    assert len(labels) == len(set(labels))  # a test says not_null_flight_id already


def test_marts_tells_readers_what_to_do(manifest: Path, tmp_path: Path) -> None:
    """Migrations stand in `meta.watermain`."""
    with changed(manifest, tmp_path) as (found, path):
        words = found["nodes"][MODEL]["config"]["meta"]["watermain"]
        words |= {"version": "2.0.0", "migrations": {"2.0.0": "read flight_on"}}
    (departures,) = (d for d in marts("operations", path) if d.name.table == "fct_departures")
    assert departures.contract.migrations == (Migration("2.0.0", "read flight_on"),)


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


def test_mart_says_which_inputs_are_optional(manifest: Path, tmp_path: Path) -> None:
    """By their names; the others stay needed."""
    with changed(manifest, tmp_path) as (found, path):
        node = found["nodes"]["model.watermain.fct_monthly_on_time_report"]
        node["config"]["meta"]["watermain"]["optional"] = ["operations.curated.airlines"]
    made = {d.name.table: d for d in marts("operations", path)}["fct_monthly_on_time_report"]
    assert made.broken is None
    assert made.is_optional(DatasetName.parse("operations.curated.airlines"))
    assert not made.is_optional(DatasetName.parse("operations.marts.fct_departures"))
