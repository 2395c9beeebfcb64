"""What watches feature tables: a sensor that checks them, another that notifies."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import dagster as dg
import duckdb
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError, WatermainError
from watermain.lake.lake import Lake
from watermain.orchestrate.feature_check import RUNBOOKS, evaluations, labels, unchecked
from watermain.orchestrate.page.links import page
from watermain.orchestrate.sensors.feature_turns import Turns, next_turns

SECONDS = 60
BUDGET_SECONDS = 20.0  # of the minute that a tick may take


def feature_check_sensor(team: str, datasets: Sequence[Dataset]) -> list[dg.SensorDefinition]:
    """Check a feature table after each publish, by a run or by a stream.

    Guarantees: no run is needed; each table is checked once a minute at most, and one that a
    stream goes on publishing as often as Dagster is told of it. At most `BUDGET_SECONDS` of a tick
    are spent, and what is left comes first in the next one. A table
    that cannot be checked, because a push holds the store, stays due.
    """
    watched = {str(d.name): d for d in datasets if labels(d)}
    if not watched:
        return []

    @dg.sensor(
        name=f"{team}_features",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Holds online features against the lake, new values against trained ones,"
        " whenever a feature table is published.",
    )
    def check(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        began, clock, events = time.monotonic(), Clock(), list[dg.AssetCheckEvaluation]()
        try:
            lake = Lake.from_settings().of_one_thread()
            turns = next_turns(lake, [*watched.values()], Turns.read(context.cursor), clock.now())
        except TransientError as error:
            return dg.SkipReason(str(error))
        for name in turns.due:
            if time.monotonic() - began > BUDGET_SECONDS:
                break
            try:
                events += evaluations(watched[name], lake, clock.now())
            except TransientError as error:
                context.log.info("%s is checked later: %s", name, error)
                continue
            except (WatermainError, duckdb.Error) as error:  # mutes no other table's checks
                events += unchecked(watched[name], error)
            turns = turns.after(name, clock.now())
        if not events:
            context.update_cursor(turns.cursor())
            return dg.SkipReason("no feature table was published")
        return dg.SensorResult(asset_events=events, cursor=turns.cursor())

    return [check]


def feature_sensor(team: str, datasets: Sequence[Dataset]) -> list[dg.SensorDefinition]:
    """Tell once when a check of a feature table begins to fail and once when it is well again.

    Guarantees: the notification is an observation of the table and names the runbook; the
    sensor's log holds its words.
    """
    checks = _keys(datasets)
    if not checks:
        return []

    @dg.sensor(
        name=f"{team}_feature_notifications",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Notifies when features differ online, drift, or grow stale.",
    )
    def notify(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        before = set(json.loads(context.cursor or "[]"))
        failing = _failing(context.instance, checks, before)
        turned = [k for k in checks if (_word(k) in failing) != (_word(k) in before)]
        if not turned:
            return dg.SkipReason(f"{len(failing)} of {len(checks)} checks fail, as before")
        events = []
        for key in turned:
            told = "fails" if _word(key) in failing else "holds again"
            context.log.warning("%s %s", _word(key), told)
            events.append(_notification(key, told))
        return dg.SensorResult(asset_events=events, cursor=json.dumps(sorted(failing)))

    return [notify]


def _keys(datasets: Sequence[Dataset]) -> list[dg.AssetCheckKey]:
    return [
        dg.AssetCheckKey(dg.AssetKey(d.name.key), label) for d in datasets for label in labels(d)
    ]


def _word(key: dg.AssetCheckKey) -> str:
    return f"{key.name} of {'.'.join(key.asset_key.path)}"


def _failing(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], before: set[str]
) -> set[str]:
    """The checks that failed when last evaluated; one that is planned or running is as before."""
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    failing = set[str]()
    for key in checks:
        status = found[key].status if key in found else None
        is_open = status is AssetCheckExecutionRecordStatus.PLANNED and _word(key) in before
        if is_open or status is AssetCheckExecutionRecordStatus.FAILED:
            failing.add(_word(key))
    return failing


def _notification(key: dg.AssetCheckKey, told: str) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=key.asset_key,
        description=f"{key.name} {told}",
        metadata={
            "notification": f"{key.name} {told}",
            "check": key.name,
            "runbook": page(RUNBOOKS[key.name]),
        },
    )
