"""`watermain history`: what was published of one dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.look import past
from watermain.cli.named import named
from watermain.cli.screen import clock
from watermain.declare.dataset import Dataset
from watermain.lake.lake import Lake

MOST_OF_PLACE = 20  # characters


def history(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    partition: Annotated[str | None, typer.Option(help="Only what touched one partition.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """List what was published of a dataset, newest first: who, when, why, and the snapshot.

    The snapshot is the number that `rollback --to` and `sql --snapshot` take.
    """
    found = named(dataset)
    if partition is not None and found.cadence is not None:
        found.cadence.window(partition)
    ask = past.publishes if found.is_computed else past.captures
    with Lake.from_settings().get_connection() as connection:
        told, whole = ask(connection, found, partition, limit)
    if as_json:
        screen.facts(told)
        return
    for each in told:
        (_print_publish if found.is_computed else _print_capture)(each)
    _print_end(found, len(told), whole)


def _print_publish(told: Mapping[str, Any]) -> None:
    _head(told, told["published_at"])
    change = f"{told['rows_before']:,} -> {screen.count(told['rows_after'], 'row')}"
    if told["rows_aside"]:
        change += f", {told['rows_aside']:,} put aside"
    screen.OUT.print(f"  {_parts(told)}{change}: {told['why']}", markup=False)


def _print_capture(told: Mapping[str, Any]) -> None:
    _head(told, told["committed_at"])
    rest = (("quarantined", "put aside"), ("repeated", "repeated"), ("late", "late"))
    more = "".join(f", {told[name]:,} {word}" for name, word in rest if told[name])
    where = f"{_short(told['shard'])} up to {_short(told['to_position'])}"
    screen.OUT.print(
        f"  {_parts(told)}{screen.count(told['rows'], 'row')}{more}: {where}", markup=False
    )


def _head(told: Mapping[str, Any], at: datetime) -> None:
    number = told["snapshot"]
    word = "snapshot gone" if number is None else f"snapshot {number}"
    screen.OUT.print(f"[bold]{word:<16}[/bold]{clock(at)}  [dim]{past.by(told['run_id'])}[/dim]")


def _parts(told: Mapping[str, Any]) -> str:
    keys = [key for key in told["partitions"] if key]
    if not keys:
        return ""
    return f"{keys[0]}  " if len(keys) == 1 else f"{keys[0]}..{keys[-1]} ({len(keys)})  "


def _short(place: str) -> str:
    """A place at a source, cut where it is long; `--json` has the whole."""
    return place if len(place) <= MOST_OF_PLACE else f"{place[:MOST_OF_PLACE]}…"


def _print_end(dataset: Dataset, shown: int, whole: int) -> None:
    if dataset.is_platforms:
        told = f"the platform writes {dataset.name} as it works: nothing of it is published"
    elif not whole:
        told = "nothing was published yet"
    elif shown < whole:
        told = f"the last {shown:,} of {whole:,}; --limit {whole} lists all"
    else:
        return
    screen.ERR.print(told, style="dim", markup=False)
