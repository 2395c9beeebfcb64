"""Sensors that ask for a capture when something waits at a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.lake.lake import Lake
from watermain.settings import load_settings
from watermain.source.opening import open_source
from watermain.source.outside import NONE_DECLARED, Connections

SECONDS = 30  # a run for each source; `watermain stream` is for what must be seen sooner


def source_sensors(
    datasets: Sequence[Dataset], known: Connections = NONE_DECLARED
) -> list[dg.SensorDefinition]:
    """One sensor for each captured dataset, over the connections that are declared."""
    return [_sensor(d, known) for d in datasets if d.is_captured]


def _sensor(dataset: Dataset, known: Connections) -> dg.SensorDefinition:
    kind = dataset.source_kind

    @dg.sensor(
        name=f"{dataset.name.team}_{dataset.name.table}_{kind}",
        target=dg.AssetSelection.assets(dg.AssetKey(dataset.name.key)),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Asks for a bounded capture of {dataset.name} when something waits.",
    )
    def watch(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if _busy(context, dataset):
            yield dg.SkipReason("a capture is under way")
            return
        try:
            if Lake.from_settings().fence.streamed(str(dataset.name)):
                yield dg.SkipReason("a stream captures it: `watermain stream` holds its lease")
                return
            waiting = open_source(dataset, load_settings(), known).backlog()
        except TransientError as error:
            yield dg.SkipReason(str(error))
            return
        if waiting.is_empty:
            yield dg.SkipReason("nothing waits")
        else:
            yield dg.RunRequest(tags={"watermain/capture": str(dataset.name)})

    return watch


def _busy(context: dg.SensorEvaluationContext, dataset: Dataset) -> bool:
    open_states = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    filters = dg.RunsFilter(statuses=open_states, tags={"watermain/capture": str(dataset.name)})
    return bool(context.instance.get_run_ids(filters, limit=1))
