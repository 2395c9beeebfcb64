"""A sensor that asks for a capture when a plain asset was materialized."""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.orchestrate.brought.returned import returning
from watermain.orchestrate.sensors.open_runs import is_under_way
from watermain.orchestrate.tags import FRAMES, FRAMES_UNTIL, run_tags

MOST_EVENTS = 1000
MOST_PARTITIONS = 200  # of one run; of more than so many all are looked at


def returned_sensor(dataset: Dataset) -> dg.SensorDefinition:
    """What watches the asset whose frames a dataset captures.

    Guarantees: a materialization is done with when a run that began after it has succeeded, so
    that one which fails is asked for again.
    """
    (upstream,), own = returning(dataset), dg.AssetKey(dataset.name.key)
    name = f"{dataset.name.team}_{dataset.name.table}_{dataset.source_kind}"

    @dg.sensor(
        name=name,
        target=dg.AssetSelection.assets(own),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Captures what {upstream.to_user_string()} returns into {dataset.name}.",
    )
    def watch(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if is_under_way(context.instance, own):
            yield dg.SkipReason("a capture is under way")
            return
        done = max(int(context.cursor or 0), _captured(context.instance, name))
        context.update_cursor(str(done))
        records = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=upstream, after_storage_id=done),
            limit=MOST_EVENTS,
            ascending=True,
        ).records
        if not records:
            yield dg.SkipReason(f"{upstream.to_user_string()} was not materialized since")
            return
        names = sorted({r.partition_key for r in records if r.partition_key is not None})
        tags = {FRAMES_UNTIL: str(records[-1].storage_id)}
        if 0 < len(names) <= MOST_PARTITIONS:
            tags[FRAMES] = json.dumps(names)
        why = f"{upstream.to_user_string()} was materialized"
        yield dg.RunRequest(asset_selection=[own], tags=run_tags([own.path], tags, why))

    return watch


def _captured(instance: dg.DagsterInstance, sensor: str) -> int:
    """The newest materialization that a run of ours was asked for which has succeeded."""
    runs = instance.get_runs(
        dg.RunsFilter(tags={"dagster/sensor_name": sensor}, statuses=[dg.DagsterRunStatus.SUCCESS]),
        limit=1,
    )
    return max((int(run.tags.get(FRAMES_UNTIL, 0)) for run in runs), default=0)
