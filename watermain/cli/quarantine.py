"""`watermain quarantine`: rows that were put aside, with what becomes of them."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.look.masking import lines, shown
from watermain.cli.named import named
from watermain.cli.run import plan, work
from watermain.declare.dataset import Dataset
from watermain.engine.capture.replay import discard as discard_rows
from watermain.engine.capture.replay import open_rows
from watermain.engine.publish.publication import Job
from watermain.engine.rooms.directory import find
from watermain.lake import quarantine
from watermain.lake.lake import Lake, text
from watermain.orchestrate.tags import REPLAY

app = typer.Typer(no_args_is_help=True, help="See, replay or discard rows that were put aside.")
MOST_ROWS = 20
NAME = typer.Argument(help="Such as operations.raw.flights.")
PARTITION = typer.Option(help="Only rows of one partition.")
RULE = typer.Option(help="Only rows that this rule, or this reason, put aside.")
JSON = typer.Option("--json", help="Print facts as JSON.")


@app.command("list")
def list_(
    dataset: Annotated[str | None, NAME] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Count rows by dataset, partition, cause and status."""
    name = str(_find(dataset).name) if dataset else None
    with Lake.from_settings().get_connection() as connection:
        counts = quarantine.counted(connection, name)
    if as_json:
        screen.facts(counts)
        return
    columns = ("dataset", "partition", "why", "status", "rows")
    screen.grid(columns, [[c[n] for n in columns] for c in counts], right={"rows"})


@app.command()
def show(
    dataset: Annotated[str, NAME],
    partition: Annotated[str | None, PARTITION] = None,
    rule: Annotated[str | None, RULE] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.")] = MOST_ROWS,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show open rows, each with its position and its payload; sensitive columns are masked."""
    found = _find(dataset)
    with Lake.from_settings().get_connection() as connection:
        rows = quarantine.listed(connection, str(found.name), _chosen(partition, rule))
    told = [shown(found, row) for row in rows[:limit]]
    if as_json:
        screen.facts(told)
        return
    for row in told:
        first, *rest = lines(row)
        screen.OUT.print(first, style="bold", markup=False)
        for line in rest:
            screen.OUT.print(line, markup=False)
    if len(rows) > limit:
        screen.OUT.print(f"the first {limit} of {len(rows)} rows", style="dim")


@app.command()
def replay(
    dataset: Annotated[str, NAME],
    partition: Annotated[str | None, PARTITION] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run open rows through the contract of today, and publish those that pass, each once.

    Captured rows are typed anew; the partitions of computed ones are computed anew.
    """
    found = _find(dataset)
    lake = Lake.from_settings()
    with lake.get_connection() as connection:
        before = open_rows(connection, found)
    keys = [k for k in before if partition in (None, k)]
    runs = [plan.Run(names=(found.name,), first=k or None, last=k or None) for k in keys]
    if runs:
        work.perform(runs, tags={REPLAY: "true"})
    with lake.get_connection() as connection:
        after = open_rows(connection, found)
    told = {"dataset": str(found.name), "tried": sum(before[k] for k in keys)}
    told["open"] = sum(after.get(k, 0) for k in keys)
    if as_json:
        screen.facts(told)
    else:
        screen.OUT.print(f"{told['tried']} rows tried, {told['open']} still in quarantine")


@app.command()
def discard(
    dataset: Annotated[str, NAME],
    reason: Annotated[str, typer.Option(help="Why nobody needs the rows.")],
    partition: Annotated[str | None, PARTITION] = None,
    rule: Annotated[str | None, RULE] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Let open rows go for good; who did it, when and why is kept in the lake."""
    found, by = _find(dataset), getpass.getuser()
    job = Job(lake=Lake.from_settings(), find=find)
    gone = discard_rows(found, job, why=reason, by=by, where=_chosen(partition, rule))
    if as_json:
        screen.facts({"dataset": str(found.name), "discarded": gone, "by": by, "reason": reason})
    else:
        screen.OUT.print(f"{gone} rows discarded by {by}")


def _find(dataset: str) -> Dataset:
    return named(dataset)


def _chosen(partition: str | None, rule: str | None) -> str:
    where = ["status = 'open'"]
    where += [f"partition = {text(partition)}"] if partition is not None else []
    where += [f"why = {text(rule)}"] if rule is not None else []
    return " and ".join(where)
