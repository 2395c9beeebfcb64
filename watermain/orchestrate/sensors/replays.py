"""Sensors that run quarantined rows again after a change of the contract or the code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.engine.capture.replay import open_rows
from watermain.engine.code.code import code_version
from watermain.engine.code.former_code import former_code_version
from watermain.lake.lake import Lake
from watermain.orchestrate.tags import REPLAY, partition_tags, run_tags


def replay_sensors(datasets: Sequence[Dataset]) -> list[dg.SensorDefinition]:
    """One sensor for each dataset whose contract says that its quarantine replays."""
    chosen = [d for d in datasets if d.can_quarantine and d.contract.quarantine.replays]
    return [_sensor(d) for d in chosen]


def _sensor(dataset: Dataset) -> dg.SensorDefinition:
    key = dg.AssetKey(dataset.name.key)

    @dg.sensor(
        name=f"{dataset.name.team}_{dataset.name.stage}_{dataset.name.table}_replay",
        target=dg.AssetSelection.assets(key),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Replays quarantined rows of {dataset.name} when its declaration changes.",
    )
    def watch(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        version = code_version(dataset)
        if context.cursor in (version, former_code_version(dataset)):
            context.update_cursor(version)
            yield dg.SkipReason("contract, checks, code are as they were")
            return
        if context.cursor is None:
            context.update_cursor(version)
            yield dg.SkipReason("seen for the first time")
            return
        try:
            with Lake.from_settings().of_one_thread().get_connection() as connection:
                waiting = open_rows(connection, dataset)
        except TransientError as error:
            yield dg.SkipReason(str(error))
            return
        for partition in waiting:
            tags = {REPLAY: "true", **(partition_tags(partition, partition) if partition else {})}
            yield dg.RunRequest(
                run_key=f"{dataset.name}/{partition}/{version}",
                asset_selection=[key],
                tags=run_tags([key.path], tags, "rows in quarantine may fit now"),
            )
        if not waiting:
            yield dg.SkipReason("nothing lies in quarantine")
        context.update_cursor(version)

    return watch
