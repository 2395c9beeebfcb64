"""Checks of features on a schedule, told once when they begin to fail, once when they hold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import ibis
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Daily, Dataset, Feature, Online, feature_table
from watermain.orchestrate.feature_check import DRIFT, PARITY, STALENESS, labels
from watermain.orchestrate.sensors.features import feature_schedule, feature_sensor

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
    assert feature_sensor("shop", []) == feature_schedule("shop", []) == []


def test_schedule_runs_the_checks_alone() -> None:
    """Every quarter of an hour, no asset with them."""
    (found,) = feature_schedule("shop", [table(online=Online())])
    assert found.cron_schedule == "*/15 * * * *"
    assert found.default_status is dg.DefaultScheduleStatus.RUNNING


class Watched:
    """The sensor beside an instance that check results are reported to."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        (self.sensor,) = feature_sensor("shop", [table(online=Online())])
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


def test_each_check_has_a_runbook() -> None:
    """The page that its metadata names is there."""
    from watermain.orchestrate.feature_check import RUNBOOKS

    assert set(RUNBOOKS) == {PARITY, DRIFT, STALENESS}
    for page in RUNBOOKS.values():
        assert "## What to do" in (ROOT / page).read_text()
