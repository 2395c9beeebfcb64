"""The sensor that tells Dagster what streams committed."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.engine.plan.rhythm import follows
from watermain.lake.lake import Lake
from watermain.orchestrate.streamed import streamed_events

SECONDS = 5


def stream_sensor(team: str, datasets: Sequence[Dataset]) -> list[dg.SensorDefinition]:
    """Materialize in Dagster's eyes each partition that a stream touched, including late ones.

    Guarantees: automation then requests exactly those partitions of whatever reads them. The
    cursor is the lake's snapshot: what was committed while Dagster was away is told afterwards.
    """
    streamed = [d for d in datasets if d.is_captured]
    streamed += [d for d in datasets if follows(d)]
    if not streamed:
        return []

    @dg.sensor(
        name=f"{team}_streams",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells what `watermain stream` committed.",
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        since = int(context.cursor) if context.cursor else None
        try:
            events, present = streamed_events(Lake.from_settings(), streamed, since)
        except TransientError as error:
            return dg.SkipReason(str(error))
        if not events:
            context.update_cursor(str(present))
            return dg.SkipReason("no stream committed anything")
        return dg.SensorResult(asset_events=events, cursor=str(present))

    return [tell]
