"""The sensor that tells Dagster what streams committed."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.engine.plan.rhythm import follows
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.streamed import streamed_events
from watermain.orchestrate.sensors.told import Told

SECONDS = 30


def stream_sensor(
    team: str, datasets: Sequence[Dataset], clock: Clock | None = None
) -> list[dg.SensorDefinition]:
    """Materialize in Dagster's eyes each partition that a stream touched, including late ones.

    Guarantees: the cursor holds the lake's snapshot and what waits to be told, so that what was
    committed while Dagster was away is told afterwards.
    """
    streamed = [d for d in datasets if d.is_captured or follows(d)]
    if not streamed:
        return []
    time = clock or Clock()

    @dg.sensor(
        name=f"{team}_streams",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells what `watermain stream` committed: at once, and then every few minutes.",
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        told = Told.read(context.cursor)
        try:
            events = streamed_events(
                Lake.from_settings().of_one_thread(), streamed, told, time.now()
            )
        except TransientError as error:
            return dg.SkipReason(str(error))
        if not events:
            context.update_cursor(told.cursor())
            waiting = len(told.waiting)
            late = f"{waiting} partitions changed again since they were told"
            return dg.SkipReason(late if waiting else "no stream committed anything")
        return dg.SensorResult(asset_events=events, cursor=told.cursor())

    return [tell]
