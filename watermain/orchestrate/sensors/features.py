"""What watches feature tables: a schedule for their checks, a sensor that notifies."""

from __future__ import annotations

import json
from collections.abc import Sequence

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.orchestrate.feature_check import RUNBOOKS, labels

SECONDS = 60


def feature_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Check parity, drift and staleness every quarter of an hour, whatever is published then."""
    checks = _keys(datasets)
    if not checks:
        return []
    return [
        dg.ScheduleDefinition(
            name=f"{team}_features",
            cron_schedule="*/15 * * * *",
            target=dg.AssetSelection.checks(*checks),
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Holds online features against the lake, new values against trained ones.",
        )
    ]


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
        failing = {_word(k) for k in checks if _fails(context.instance, k)}
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


def _fails(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> bool:
    record = instance.get_latest_asset_check_evaluation_record(key)
    evaluation = record.evaluation if record else None
    return evaluation is not None and not evaluation.passed


def _notification(key: dg.AssetCheckKey, told: str) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=key.asset_key,
        description=f"{key.name} {told}",
        metadata={
            "notification": f"{key.name} {told}",
            "check": key.name,
            "runbook": dg.MetadataValue.path(RUNBOOKS[key.name]),
        },
    )
