"""Marts that cannot be built: known by name, each with its reason, none with others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from tests.watermain.dbt.museum import compiled_museum
from watermain.cli.run.work import span_of
from watermain.declare import Column, Contract, Dataset, DatasetName, dataset, needs
from watermain.declare.errors import BrokenModelError
from watermain.engine.mart.dark_mart import dark
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.release.gate import unmet_needs
from watermain.engine.release.release import broken, read_all, read_retired
from watermain.engine.rooms.from_dbt import marts, notes
from watermain.lake.lake import Lake
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.location import find
from watermain.settings import Settings

DEPARTURES = DatasetName("operations", "marts", "fct_departures")
TORN = BrokenModelError("dbt model `x` is torn", declared="x.sql:1", data="stays", next="mend it")


@pytest.fixture(scope="session")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a project in which every kind of mistake stands once."""
    return compiled_museum(tmp_path_factory.mktemp("museum"))


@pytest.fixture
def shown(museum: Path) -> Mapping[str, Dataset]:
    """The marts of that project, by table."""
    return {d.name.table: d for d in marts("operations", museum)}


REASONS = {
    "asks": "`asks` says `run_query`, which asks the database while it is compiled",
    "asks_far": "through the macro `asking`",
    "asks_the_clock": "says `run_query`, which asks the database while it is compiled",
    "bytes": "can't decode byte 0xff",
    "circle_one": "reads itself, by way of the models that it reads",
    "circle_two": "reads itself, by way of the models that it reads",
    "clock": "says `run_started_at`, which differs each time it is compiled",
    "columns_of_past": "asks for the columns of `past`, which are not known before it is built",
    "divides": "`divides` is wrong: division by zero",
    "hooked": "sets `pre-hook`, which the platform does not run: it would run beside",
    "listed": "`listed` is wrong: Invalid models config",
    "no_sql": "is no SQL",
    "no_target": 'test `relationships_no_target_tail_number__a__ref_gone_` reads `ref("gone")`',
    "no_test": "calls `test_no_such_test`, which nothing defines",
    "no_word": "takes no keyword argument 'valuez'",
    "nowhere": 'reads `ref("nothing")`, which does not exist',
    "odd": "'perhaps' is not of type 'boolean'",
    "package": "calls `dbt_utils`, a package that is not installed",
    "reads_part": "reads `part`, which is wrong: dbt model `part` says `run_query`",
    "reads_past": "reads the snapshot `past`, which belongs to no team",
    "reads_seed": "reads the seed `codes`, which belongs to no team",
    "reads_staged": "reads the model `staged`, which belongs to no team",
    "reads_torn": "reads `syntax`, which is wrong: Expected an expression",
    "reads_wrong": "reads `asks`, which is wrong: dbt model `asks` says `run_query`",
    "severe": "Severity must be either",
    "syntax": "Expected an expression",
    "today": "says `now`, which differs",
    "torn_macro": "calls `torn`, which is wrong itself: macros/torn.sql:2",
    "twin": "found two models with the name",
    "unknown": "sets `threshold`, which has no meaning here",
    "unread": "Syntax error near line 3",
    "unset": "'NO_SUCH'",
    "unsourced": 'reads `source("operations_curated", "nosuch")`, which does not exist',
    "unvaried": "Required var 'no_such' not found",
    "words": "says what cannot be read",
}


RIGHT = {
    *("below", "columns", "given", "grows", "in_python", "incremental"),
    *("reckons", "right", "right_too", "stored", "warned"),
}


@pytest.mark.slow
def test_each_mistake_darkens_its_model_and_what_reads_it_alone(
    shown: Mapping[str, Dataset],
) -> None:
    """Four lines each, at a file of the project; what is right is declared as ever."""
    told = {name: d.broken for name, d in shown.items() if d.broken}
    assert set(shown) - set(told) == RIGHT
    assert set(told) == set(REASONS)
    for name, text in told.items():
        what, where, data, then = text.splitlines()
        assert REASONS[name] in what, name
        assert where.startswith("  declared  dbt_project/")
        assert data.startswith("  data      nothing")
        assert then.startswith("  next      ")


@pytest.mark.slow
def test_a_dark_mart_keeps_the_promise_of_its_model(shown: Mapping[str, Dataset]) -> None:
    """Its columns and key are read where they can be; else nothing is made up."""
    assert shown["asks"].contract == shown["right"].contract
    assert shown["bytes"].contract.version == "0.0.0"


@pytest.mark.slow
def test_notes_tell_of_what_belongs_to_no_mart(museum: Path) -> None:
    """A model, a seed or a snapshot of no team, a test that holds none, torn parts, hooks."""
    told = "\n".join(notes(museum))
    for words in (
        "models/staged.sql:1 dbt model `staged` belongs to no team",
        "seeds/codes.csv:1 dbt seed `codes` belongs to no team",
        "snapshots/past.sql:1 dbt snapshot `past` belongs to no team",
        "tests/lonely.sql:1 dbt test `lonely` speaks about no mart",
        "macros/torn.sql:2 Expected an expression",
        "models/part.sql:2 says `run_query`",
        "dbt_project.yml `on-run-start` says `select 1`, which the platform does not run",
        "dbt_project.yml `on-run-start` says `{{ torn() }}`, which the platform does not run",
        "dbt_project.yml `on-run-end` says `grant usage on x`, which the platform does not run",
    ):
        assert f"dbt_project/{words}" in told


def test_a_dark_mart_is_an_asset_that_fails_with_its_reason(tmp_path: Path) -> None:
    """Nobody takes it for one that was deleted; automation leaves it alone."""
    mart = dark(DEPARTURES, TORN)
    asset = asset_for(mart, find)
    assert isinstance(asset, dg.AssetsDefinition)
    assert asset.key == dg.AssetKey(["operations", "marts", "fct_departures"])
    assert asset.automation_conditions_by_key == {}
    assert "dbt model `x` is torn" in asset.descriptions_by_key[asset.key]
    done = dg.materialize(
        [asset],
        resources={"lake": Lake.from_settings(Settings(data_dir=tmp_path))},
        raise_on_error=False,
    )
    assert not done.success
    (failure,) = (e for e in done.all_events if e.is_step_failure)
    assert TORN.what in str(failure.step_failure_data.error)


def test_a_dark_mart_is_refused_wherever_it_is_built(tmp_path: Path) -> None:
    """By a publish, by each command that names partitions."""
    mart = dark(DEPARTURES, TORN)
    job = Job(lake=Lake.from_settings(Settings(data_dir=tmp_path)), find=find)
    with pytest.raises(BrokenModelError) as refused:
        publish(mart, None, job)
    assert refused.value is TORN
    with pytest.raises(BrokenModelError):
        span_of(mart, "2013-01-01", "2013-01-01")


def test_a_dark_mart_has_not_ended_to_the_contract_gate() -> None:
    """It is held to what was released; readers of it are not told that nobody declares it."""
    mart, released = dark(DEPARTURES, TORN), read_all()
    assert mart.contract == released[DEPARTURES].contract
    known = {DEPARTURES: mart}
    assert list(broken(known, {DEPARTURES: released[DEPARTURES]}, read_retired())) == []

    @dataset(
        "operations.curated.late",
        inputs={"legs": needs(str(DEPARTURES), columns=["flight_id"])},
        contract=Contract(
            grain="one row", key=("a",), columns=(Column("a", pa.string(), "a word"),)
        ),
        owner="team:operations",
    )
    def late(legs: pa.Table) -> pa.Table:
        return legs

    alone = {late.name: late}
    (unmet,) = unmet_needs(alone)
    assert "no room declares it" in unmet.what
    assert list(unmet_needs(alone, {DEPARTURES})) == []
