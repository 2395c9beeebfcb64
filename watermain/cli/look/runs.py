"""`watermain runs`: the last runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.offered import rooms
from watermain.cli.screen import clock
from watermain.orchestrate.instance.opening import open_instance
from watermain.orchestrate.instance.run_log import RunFacts
from watermain.orchestrate.instance.run_log import runs as last_runs
from watermain.process.instance import dagster_home, storage_url
from watermain.settings import load_settings

WORDS = {
    "success": "ok",
    "failure": "failed",
    "started": "running",
    "not_started": "waiting",
    "queued": "waiting",
}


def runs(
    room: Annotated[
        str | None, typer.Option(help="Only runs of this room.", autocompletion=rooms)
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """List the last runs, newest first: what of, which partitions, and how each went."""
    settings = load_settings()
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        found = last_runs(instance, room=room, is_failed=failed, limit=limit)
    if as_json:
        screen.facts([asdict(run) | {"seconds": run.seconds} for run in found])
        return
    if not found:
        screen.ERR.print("no such run; what a stream captures is no run", style="dim")
        return
    columns = ("run", "state", "began", "seconds", "datasets")
    screen.grid(columns, [_row(run) for run in found], right={"seconds"}, wrap="datasets")
    screen.ERR.print(f"\nlook   watermain logs {found[0].run_id[:8]}", style="dim")


def word(status: str) -> str:
    """How a run stands, in a word."""
    return WORDS.get(status.lower(), status.lower())


def named_shortly(run: RunFacts) -> str:
    """What a run is of, its partitions behind it."""
    shown = ", ".join(run.datasets[:3])
    more = f", {len(run.datasets) - 3} more" if len(run.datasets) > 3 else ""
    verb = "check " if run.is_check else ""
    return verb + shown + more + (f" [{run.partitions}]" if run.partitions else "")


def _row(run: RunFacts) -> tuple[str, ...]:
    seconds = "" if run.seconds is None else f"{run.seconds:.1f}"
    began = clock(run.started_at or run.created_at)
    return run.run_id[:8], word(run.status), began, seconds, named_shortly(run)
