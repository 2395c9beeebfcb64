"""A team's Dagster code stands beside the datasets that it reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import KNOWN, days, events, job, sales, sold
from tests.watermain.orchestrate.brought import shop_code
from tests.watermain.orchestrate.brought.shop_code import HELD, SALES
from watermain.declare import Sensitivity
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.brought.plain import plain_definitions
from watermain.orchestrate.brought.together import together
from watermain.orchestrate.instance.lake_resource import settled

FIND = KNOWN.__getitem__
CODE = shop_code.__name__
# Dagster's own copy of a sensor whose job is of ops
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer")


def room(lake: Lake, brought: dict[str, dg.Definitions] | None = None) -> dg.Definitions:
    """The shop's datasets beside what its team brings."""
    own = dg.Definitions(
        assets=[asset_for(d, FIND) for d in (events, sales)],
        resources={"lake": settled(lake)},
        executor=dg.in_process_executor,
    )
    found = {CODE: plain_definitions(CODE)} if brought is None else brought
    return together(own, found, (events, sales), FIND)


@pytest.fixture
def stocked(lake: Lake) -> Lake:
    """A lake with nine sales on three days."""
    HELD.clear()
    capture(events, job(lake), source=Feed(changes([sold(n, 1 + n % 3, n) for n in range(9)])))
    publish(sales, days(1, 3), job(lake))
    return lake


def made(definitions: dg.Definitions, *keys: str, **words: Any) -> dg.ExecuteInProcessResult:
    """Materialize assets of a room in this process."""
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            asset_selection=[dg.AssetKey(k) for k in keys], instance=instance, **words
        )


def told(done: dg.ExecuteInProcessResult, key: str) -> dict[str, object]:
    """The metadata of the one materialization of an asset."""
    (event,) = done.asset_materializations_for_node(key)
    return {name: value.value for name, value in event.metadata.items()}


def test_plain_asset_is_given_the_partition_of_a_dataset(stocked: Lake) -> None:
    """In the frame that it asks for, by the team's own resource and its own I/O manager."""
    done = made(room(stocked), "report", partition_key="2013-01-02")
    assert HELD["report"] == "Kyoto 2013-01-02: 3 sales, 12"
    with stocked.get_connection() as connection:
        newest = stocked.snapshot(connection)
    assert told(done, "report")["input_snapshot/shop.curated.sales"] == newest


def test_asset_without_partitions_is_given_all_of_them(stocked: Lake) -> None:
    """In whatever frame, and what it makes is handed on as ever."""
    done = made(room(stocked), "total", "high", "low", "arrow", "lazy", "counted_by_ibis")
    assert done.success
    assert (HELD["total"], HELD["high"], HELD["low"]) == (36, 37, 35)
    assert [HELD[name] for name in ("arrow", "lazy", "counted_by_ibis")] == [9, 9, 9]


def test_inputs_of_a_step_are_of_one_snapshot(stocked: Lake) -> None:
    """A publish between two of them is seen by neither."""

    def tick() -> int:
        late = Feed(changes([sold(9, 1, 100)], start="1", end="2"))
        capture(events, job(stocked), source=late)
        publish(sales, days(1, 3), job(stocked))
        return 1

    HELD["tick"] = tick
    definitions = room(stocked)
    assert made(definitions, "both").success
    assert HELD["both"] == [9, 1, 9]
    HELD["tick"] = 2
    assert made(definitions, "both").success
    assert HELD["both"] == [10, 2, 10]


def test_everything_else_is_there(stocked: Lake) -> None:
    """Checks, jobs with the team's executor, schedules, sensors; the dataset's stub is not."""
    definitions = room(stocked)
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    assert {c.name for c in graph.asset_check_keys if c.asset_key == SALES} > {"sales_are_known"}
    assert graph.get(SALES).is_executable
    assert {s.name for s in repository.schedule_defs} == {"totals_schedule"}
    assert {s.name for s in repository.sensor_defs} == {"watch", "shop_automation_conditions"}
    watcher = repository.get_sensor_def("shop_automation_conditions")
    assert watcher.default_status is dg.DefaultSensorStatus.RUNNING
    assert repository.get_job("totals").executor_def.name == "in_process"
    assert made(definitions, "page").success


def test_masked_columns_stay_masked_until_somebody_says_why(stocked: Lake) -> None:
    """The reason stands beside the input, and is kept for good."""
    first, *rest = sales.contract.columns
    hushed = replace(first, sensitivity=Sensitivity.PERSONAL)
    contract = replace(sales.contract, columns=(hushed, *rest))
    secret = replace(sales, contract=contract)
    known = {**KNOWN, sales.name: secret}
    seen: dict[str, set[object]] = {}

    def reader(name: str, **words: Any) -> dg.AssetsDefinition:
        @dg.asset(name=name, ins={"rows": dg.AssetIn(SALES, **words)})
        def read(rows: pd.DataFrame) -> None:
            seen[name] = set(rows.id)

        return read

    parts = [reader("hushed"), reader("told", metadata={"unmask": "an audit"})]
    own = dg.Definitions(
        assets=[asset_for(secret, known.__getitem__)], resources={"lake": settled(stocked)}
    )
    brought = {"m": dg.Definitions(assets=parts)}
    definitions = together(own, brought, (secret,), known.__getitem__)
    assert made(definitions, "hushed", "told").success
    assert seen["told"] == {f"s{n}" for n in range(9)}
    assert seen["hushed"].isdisjoint(seen["told"])


@pytest.mark.parametrize(
    ("brought", "says"),
    [
        ({"assets": [dg.AssetsDefinition.from_op(dg.op(name="x", out=dg.Out())(lambda: 1),
          keys_by_output_name={"result": SALES})]}, "which is a dataset"),
        ({"resources": {"lake": object()}}, "defines the resource `lake`"),
        ({"executor": dg.in_process_executor}, "has an executor for every job"),
        ({"resources": {"datasets": object()}}, "defines the resource `datasets`"),
    ],
)  # fmt: skip
def test_what_stands_twice_is_refused(lake: Lake, brought: dict[str, Any], says: str) -> None:
    """Dagster would take one of the two, or name neither place."""
    with pytest.raises(InvalidDeclarationError, match=says) as refused:
        room(lake, {"their.module": dg.Definitions(**brought)})
    assert "their.module" in str(refused.value)
