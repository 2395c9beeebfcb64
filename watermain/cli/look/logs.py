"""`watermain logs`: what one run said."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from watermain.cli import screen
from watermain.cli.look.runs import named_shortly, word
from watermain.cli.screen import clock
from watermain.orchestrate.instance.opening import open_instance
from watermain.orchestrate.instance.run_log import (
    RunFacts,
    RunLine,
    failures,
    is_telling,
    lines,
    run_of,
)
from watermain.process.instance import dagster_home, storage_url
from watermain.settings import load_settings

STYLES = {"error": "red", "critical": "red", "warning": "yellow"}


def logs(
    run: Annotated[str, typer.Argument(help="The id of a run, or what no other one begins with.")],
    every: Annotated[
        bool, typer.Option("--all", help="Every event, and where in the code something failed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Tell what happened in a run, line by line; first of all, why it failed."""
    settings = load_settings()
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        found = run_of(instance, run)
        why = failures(instance, found.run_id)
        events = lines(instance, found.run_id)
        shown = (line for line in events if every or is_telling(line))
        if as_json:
            told = {"failures": [asdict(e) for e in why], "events": [asdict(e) for e in shown]}
            screen.facts(asdict(found) | {"seconds": found.seconds} | told)
            return
        _print_head(found)
        for line in why:
            _print_failure(line, with_stack=every)
        for line in shown:
            _print_line(line)


def _print_head(run: RunFacts) -> None:
    took = "" if run.seconds is None else f" in {run.seconds:.1f} s"
    screen.OUT.print(f"{run.run_id}  {word(run.status)}{took}", style="bold", markup=False)
    screen.OUT.print(f"{named_shortly(run)}\n", markup=False)


def _print_failure(line: RunLine, *, with_stack: bool) -> None:
    why = line.reason or line.message
    where = f"{line.dataset}: " if line.dataset and not why.startswith(line.dataset) else ""
    screen.OUT.print(f"{where}{why}", style="red", markup=False)
    if with_stack and line.stack:
        screen.OUT.print(line.stack, style="dim", markup=False)
    screen.OUT.print()


def _print_line(line: RunLine) -> None:
    """Print one line, without what was told of a failure before."""
    text = Text()
    text.append(f"{clock(line.at)[11:]}  ", style="dim")
    said = (line.message or line.kind).strip().split("\n")[0]
    where = "" if not line.dataset or line.dataset in said else f"{line.dataset}  "
    text.append(f"{where}{said}", style=STYLES.get(line.level, ""))
    screen.OUT.print(text)
