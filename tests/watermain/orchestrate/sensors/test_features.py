"""Feature tables checked after each publish; told once when a check fails, once when it holds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import ibis
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Daily, Dataset, Feature, Online, feature_table
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.feature_check import (
    DRIFT,
    PARITY,
    STALENESS,
    feature_checks,
    labels,
)
from watermain.orchestrate.sensors.features import feature_check_sensor, feature_sensor

ROOT = Path(__file__).parents[4]
INSTANT = pa.timestamp("us", "UTC")


def table(**words: object) -> Dataset:
    """A feature table of airports."""
    contract = Contract(
        grain="one row per airport",
        key=("airport", "at"),
        event_time="at",
        columns=(
            Column("airport", pa.string(), "where"),
            Column("at", INSTANT, "when"),
            Column("delay", pa.float64(), "mean", unit="minutes"),
        ),
    )

    @feature_table(
        "shop.features.delay",
        feature=Feature(entity=("airport",), **words),  # type: ignore[arg-type]
        contract=contract,
        inputs={"moves": "shop.curated.moves"},
        cadence=Daily(),
        owner="team:shop",
    )
    def delay(moves: ibis.Table) -> ibis.Table:
        """Take over."""
        return moves

    return delay


WINDOW = (date(2013, 1, 1), date(2013, 1, 31))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({}, [STALENESS]),
        ({"online": Online()}, [PARITY, STALENESS]),
        ({"online": Online(), "trained_on": WINDOW}, [PARITY, DRIFT, STALENESS]),
        ({"online": Online(), "trained_on": WINDOW, "state": "retired"}, []),
    ],
)
def test_checks_follow_the_declaration(words: dict[str, object], found: list[str]) -> None:
    """What is not online has no parity; what nobody learnt from cannot drift."""
    assert labels(table(**words)) == found


def test_room_without_features_has_neither() -> None:
    """Nothing to watch, nothing to run."""
    assert feature_sensor("shop", []) == feature_check_sensor("shop", []) == []


WATCHED = table(online=Online())


class Watched:
    """The sensor beside an instance that check results are reported to."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        (self.sensor,) = feature_sensor("shop", [WATCHED])
        self.cursor: str | None = None

    def result(self, label: str, *, passed: bool) -> None:
        """A check was evaluated."""
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(["shop", "features", "delay_v1"]),
                check_name=label,
                passed=passed,
                metadata={},
            )
        )

    def told(self) -> list[str | None]:
        """What one tick tells."""
        context = dg.build_sensor_context(self.instance, self.cursor)
        said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or self.cursor
        return [e.description for e in said.asset_events]


def test_failing_check_is_told_once_then_its_end() -> None:
    """However many ticks it fails for."""
    with dg.instance_for_test() as instance:
        watched = Watched(instance)
        assert watched.told() == []
        watched.result(PARITY, passed=False)
        watched.result(STALENESS, passed=True)
        assert watched.told() == ["online_parity fails"]
        assert watched.told() == []
        watched.result(PARITY, passed=False)
        assert watched.told() == []
        watched.result(PARITY, passed=True)
        watched.result(STALENESS, passed=False)
        assert sorted(map(str, watched.told())) == ["online_parity holds again", "staleness fails"]
        assert watched.told() == []


def test_planned_check_is_as_before() -> None:
    """While a run that will make it is under way, whatever came of it last."""
    with dg.instance_for_test() as instance:
        watched = Watched(instance)
        asset = asset_for(WATCHED, {WATCHED.name: WATCHED}.__getitem__)
        definitions = dg.Definitions(
            assets=[asset],
            asset_checks=feature_checks([WATCHED]),
            resources={"lake": dg.ResourceDefinition.none_resource()},
        )
        job = definitions.resolve_implicit_global_asset_job_def()

        def plan() -> None:
            run = instance.create_run_for_job(job)
            key = dg.AssetCheckKey(dg.AssetKey(["shop", "features", "delay_v1"]), PARITY)
            storage = instance.event_log_storage
            latest = storage.get_latest_asset_check_execution_by_key([key])[key]
            assert (latest.run_id, latest.status.value) == (run.run_id, "PLANNED")

        plan()
        assert watched.told() == []
        watched.result(PARITY, passed=False)
        assert watched.told() == ["online_parity fails"]
        plan()
        assert watched.told() == []
        watched.result(PARITY, passed=True)
        assert watched.told() == ["online_parity holds again"]


def test_each_check_has_a_runbook() -> None:
    """The page that its metadata names is there."""
    from watermain.orchestrate.feature_check import RUNBOOKS

    assert set(RUNBOOKS) == {PARITY, DRIFT, STALENESS}
    for page in RUNBOOKS.values():
        assert "## What to do" in (ROOT / page).read_text()
