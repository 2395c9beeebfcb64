"""Sensors that ask for a capture when something waits at a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from watermain import trouble
from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.engine.capture.waiting import note
from watermain.engine.plan.rhythm import is_streamed
from watermain.lake.lake import Lake
from watermain.orchestrate.brought.returned import returning
from watermain.orchestrate.sensors.open_runs import is_under_way
from watermain.orchestrate.sensors.returned import returned_sensor
from watermain.orchestrate.tags import run_tags
from watermain.settings import load_settings
from watermain.source.opening import open_source
from watermain.source.outside import NONE_DECLARED, Connections
from watermain.source.protocol import Backlog

# What a stream is to capture is looked at rarely: whether a stream does. One that is missing twice
# in a row is no restart, and until it is back runs capture what waits.
WITHOUT_STREAM = timedelta(minutes=5)
MISSED = "no stream captures it"


def source_sensors(
    datasets: Sequence[Dataset], known: Connections = NONE_DECLARED
) -> list[dg.SensorDefinition]:
    """One sensor for each captured dataset without a schedule, over the declared connections."""
    asked = [d for d in datasets if d.is_captured and d.schedule is None]
    return [returned_sensor(d) if returning(d) else _sensor(d, known) for d in asked]


def _sensor(dataset: Dataset, known: Connections) -> dg.SensorDefinition:
    streamed, key = is_streamed(dataset), dg.AssetKey(dataset.name.key)
    every = WITHOUT_STREAM if streamed else dataset.origin.looks_every()

    @dg.sensor(
        name=f"{dataset.name.team}_{dataset.name.table}_{dataset.source_kind}",
        target=dg.AssetSelection.assets(key),
        minimum_interval_seconds=int(every.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=_told(dataset, every, streamed=streamed),
    )
    def watch(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        missed = context.cursor
        context.update_cursor("")
        try:
            if Lake.from_settings().of_one_thread().fence.streamed(str(dataset.name)):
                yield dg.SkipReason("a stream captures it: `watermain stream` holds its lease")
                return
            context.update_cursor(MISSED if streamed else "")
            if streamed and missed != MISSED:
                yield dg.SkipReason(f"{MISSED} yet; if none does in {every}, a run will")
                return
            if is_under_way(context.instance, key):
                yield dg.SkipReason("a capture is under way")
                return
            waiting = open_source(dataset, load_settings(), known).backlog()
            _well(dataset, waiting)
        except TransientError as error:
            _troubled(dataset, error, every)
            yield dg.SkipReason(str(error))
            return
        if waiting.is_empty:
            yield dg.SkipReason("nothing waits")
        else:
            why = _amount(waiting) + (f", {MISSED}" if streamed else "")
            yield dg.RunRequest(asset_selection=[key], tags=run_tags([key.path], {}, why))

    return watch


def _well(dataset: Dataset, found: Backlog) -> None:
    """Note what waits at a source that answers."""
    home, now, name = load_settings().home, datetime.now(UTC), str(dataset.name)
    note(home, name, found.finest, oldest=found.oldest, now=now)
    trouble.end(home, name)


def _troubled(dataset: Dataset, error: TransientError, every: timedelta) -> None:
    """Tell of a source that does not answer, as a stream would."""
    home, now = load_settings().home, datetime.now(UTC)
    trouble.begin(home, str(dataset.name), error, now=now, again_at=now + every)


def _told(dataset: Dataset, every: timedelta, *, streamed: bool) -> str:
    if streamed:
        return f"Captures {dataset.name} while `watermain stream`, whose task it is, does not run."
    return (
        f"Looks each {every} whether something waits for {dataset.name}; then asks for a capture."
    )


def _amount(waiting: Backlog) -> str:
    """What waits, in words."""
    counts = {
        waiting.noun: waiting.files,
        ("row", "rows"): waiting.rows,
        ("byte", "bytes"): waiting.bytes,
    }
    for (one, many), count in counts.items():
        if count:
            return f"1 {one} waits" if count == 1 else f"{count:,} {many} wait"
    return "something waits"
