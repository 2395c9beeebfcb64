"""Everything the rooms declare, materialized through Dagster for the first time."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from watermain.cli.platform.locations import launched
from watermain.cli.run.plan import Run, runs
from watermain.cli.screen import bar, step
from watermain.declare.cadence import Daily
from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    BrokenContractError,
    UnreachableSystemError,
    WatermainError,
)
from watermain.declare.name import DatasetName
from watermain.declare.outside.source import Files
from watermain.engine.plan.rhythm import is_streamed
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.directory import everything
from watermain.engine.table.partition import Span, overlapping
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.orchestrate.tags import WHY
from watermain.process.web import TERMINAL, Web
from watermain.settings import Settings, project
from watermain.source.opening import open_source
from watermain.source.outside import Outside

TODAY = "today"
MOST_CAPTURES = 500
POLL_SECONDS = 0.5
LOADING = "the first loading by watermain up"


def materialize_until(
    day: str | None, settings: Settings, web: Web, *, flows: bool, dark: Collection[str] = ()
) -> int:
    """Capture what waits at the sources and compute the rest; give the number of runs.

    With a day, from the first of the cadence up to it, or to `today`; without one, the days of
    captured rows. Of a run's partitions only those from the first that is missing are computed.
    Where data `flows` already, streams go on to capture what is theirs. Rooms that are
    `dark` are left out, with what reads them.

    Raises: BrokenContractError, when a run fails; or UnreachableSystemError, when it met one.
    """
    datasets = sound(everything(), dark)
    captured = [d for d in datasets.values() if d.is_captured]
    unseen = _without_table(captured)
    asked = [d for d in captured if not flows or d.name in unseen or not is_streamed(d)]
    _let_files_settle(asked, settings)
    count = _capture(asked, settings, web)
    computed = {n: d for n, d in datasets.items() if d.is_computed}
    span = _captured_span(captured) if day is None else _span(captured, day)
    if span is None:
        computed = {n: d for n, d in computed.items() if d.cadence is None}
    for run in runs(computed, span):
        if (left := _left(run, datasets)) is not None:
            _follow(left, web)
            count += 1
    return count


def sound(
    datasets: Mapping[DatasetName, Dataset], dark: Collection[str] = ()
) -> dict[DatasetName, Dataset]:
    """The datasets without those of rooms that do not load, and without what reads them.

    Of a room that never loaded nothing is known but the names that its readers give.
    """
    ill = {
        n
        for n, d in datasets.items()
        if d.unloaded is not None or any(each.team in dark for each in (n, *d.upstream))
    }
    while more := {n for n, d in datasets.items() if n not in ill and ill & set(d.upstream)}:
        ill |= more
    return {name: dataset for name, dataset in datasets.items() if name not in ill}


def _span(captured: list[Dataset], day: str) -> Span:
    cadence = next((d.cadence for d in captured if isinstance(d.cadence, Daily)), Daily())
    last = cadence.key_of(datetime.now(UTC)) if day == TODAY else day
    return Span(cadence, cadence.first, last)


def _captured_span(captured: Iterable[Dataset]) -> Span | None:
    """The days of whatever was captured, or None where nothing that has days was."""
    days: list[str] = []
    with Lake.from_settings().get_connection() as connection:
        for dataset in captured:
            keys = sorted(ledger.versions(connection, dataset.name)) if dataset.cadence else []
            if dataset.cadence and keys:
                days += overlapping(Span(dataset.cadence, keys[0], keys[-1]), Daily())
    return Span(Daily(), min(days), max(days)) if days else None


def _let_files_settle(captured: list[Dataset], settings: Settings) -> None:
    """Wait until files that arrived just now are old enough to be read."""
    for dataset in captured:
        word = dataset.source
        if isinstance(word, Files):
            folder = Path(Outside(settings, connections()).address(word.connection)())
            newest = max((p.stat().st_mtime for p in folder.glob(word.pattern)), default=0.0)
            wanted = word.settle_for.total_seconds()
            time.sleep(min(wanted, max(0.0, newest + wanted - time.time())))


def _capture(captured: list[Dataset], settings: Settings, web: Web) -> int:
    count, unseen = 0, _without_table(captured)
    for _ in range(MOST_CAPTURES):
        waiting = [
            d
            for d in captured
            if d.name in unseen or not open_source(d, settings, connections()).backlog().is_empty
        ]
        unseen = set()
        if not waiting:
            break
        for run in runs({d.name: d for d in waiting}, None):
            _follow(run, web)
            count += 1
    return count


def _without_table(captured: list[Dataset]) -> set[DatasetName]:
    """The datasets that nobody has captured yet; what reads them needs their empty tables."""
    with Lake.from_settings().get_connection() as connection:
        rows = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
        ).fetchall()
    return {d.name for d in captured if (d.name.schema, d.name.table) not in rows}


def _left(run: Run, datasets: Mapping[DatasetName, Dataset]) -> Run | None:
    """What a run would compute that was never published and has begun; None where nothing is."""
    missing: set[str] = set()
    now = datetime.now(UTC)
    with Lake.from_settings().get_connection() as connection:
        for name in run.names:
            cadence = datasets[name].cadence
            keys = cadence.keys(run.first, run.last) if cadence and run.first and run.last else [""]
            begun = [k for k in keys if cadence is None or k <= cadence.key_of(now)]
            missing |= set(begun) - set(ledger.versions(connection, name))
    if not missing:
        return None
    return replace(run, first=min(missing), last=max(missing)) if run.first else run


def _follow(run: Run, web: Web) -> None:
    """Launch one run and wait for its end."""
    team, stage = run.names[0].team, run.names[0].stage
    title = f"{team} {stage}" + (f" {run.first}.." if run.first else "")
    with step(title, spinner=False) as line, bar(str(run)[:60], len(run.names)) as progress:
        run_id = launched(run, web, {WHY: LOADING})
        while True:
            status, ended = web.progress(run_id)
            progress.update(progress.task_ids[0], completed=ended)
            if status in TERMINAL:
                break
            time.sleep(POLL_SECONDS)
        line.say(f"{', '.join(n.table for n in run.names)}  run {run_id[:8]}")
        if status != "SUCCESS":
            raise failed(run, run_id, web.failures(run_id), web.url)


def failed(run: Run, run_id: str, told: Sequence[str], url: str) -> WatermainError:
    """The error of a failed run: of the kind that it met, and with its cause behind the colon."""
    kind, cause = met(next((reason for reason in told if reason.strip()), ""))
    return kind(
        f"run {run_id[:8]} of {run} failed: {cause}",
        declared=f"{project().rooms}/{run.names[0].team}/",
        data="what earlier runs published stands; this run's failed datasets are as before",
        next=f"look at {url}/runs/{run_id}, mend it, then: watermain up",
    )


def met(reason: str) -> tuple[type[WatermainError], str]:
    """The kind of error that a run's reason tells of, and its first line without the module.

    >>> met("declare.errors.UnreachableSystemError: no answer\\n  declared  here")
    (<class 'watermain.declare.errors.UnreachableSystemError'>, 'no answer')
    """
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    first = lines[0] if lines else "the run tells no reason"
    name, _, rest = first.partition(": ")
    if name.rpartition(".")[2] == UnreachableSystemError.__name__ and rest:
        return UnreachableSystemError, rest
    alone = first.endswith(":") and len(lines) > 1
    return BrokenContractError, f"{first} {lines[1]}" if alone else first
