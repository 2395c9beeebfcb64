"""`watermain verify`: whether data files are as they were written."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.run import work
from watermain.declare.errors import DamagedDataError
from watermain.engine.publish.patrol import Patrol, patrol
from watermain.engine.publish.publication import Job
from watermain.engine.publish.repair import Repair, repair
from watermain.engine.rooms.directory import everything, find
from watermain.lake.lake import Lake
from watermain.lake.rest.inventory import inventory
from watermain.lake.rest.verification import DAMAGED, UNVOUCHED, WHOLE


def verify(
    dataset: Annotated[
        str | None, typer.Argument(help="Such as operations.curated.flights; all without it.")
    ] = None,
    mend: Annotated[
        bool, typer.Option("--repair", help="Compute damaged partitions anew from their inputs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Read data files from beginning to end, and hold them to their checksums in the ledger.

    Files of older snapshots are read too. A file that has no checksum yet is given one, which is
    marked as first seen. Exits with 1 while a file of the present snapshot is damaged.
    """
    name = named(dataset).name if dataset else None
    known, lake = everything(), Lake.from_settings()
    job = Job(lake=lake, find=find, run_id="verify")
    with screen.step(dataset or "every dataset") as line:
        found = patrol(inventory(lake, None if name is None else [name]), known, job)
        line.say(_told(found))
    made = None
    if mend and found.damaged:
        with screen.step("repair") as line:
            made = repair(found.damaged, known, job)
            line.say(f"{made.partitions} partitions computed anew, {len(made.left)} files left")
        work.tell_dagster(made.done)
    if as_json:
        screen.facts(found.facts | (made.facts if made else {}))
    else:
        _show(found)
    _refuse(found, made)


def _told(found: Patrol) -> str:
    counts = f"{found.count(WHOLE)} files whole, {found.count(DAMAGED)} damaged"
    fresh = found.count(UNVOUCHED)
    seen = f", {fresh} not vouched for until now: first seen" if fresh else ""
    return f"{counts}{seen}; {found.bytes:,} bytes"


def _show(found: Patrol) -> None:
    """Print what is damaged, with a line for each file."""
    rows = [
        (
            each.listed.dataset,
            found.partitions.get(each.listed.file, ""),
            found.snapshots(each),
            each.why,
            each.listed.file,
        )
        for each in found.damaged
    ]
    if rows:
        screen.grid(["dataset", "partitions", "snapshots", "damage", "file"], rows)


def _refuse(found: Patrol, made: Repair | None) -> None:
    """Raise for damage in the present snapshot that is left.

    Raises: DamagedDataError.
    """
    left = [f for f in found.damaged if f.listed.is_read]
    if made is not None:
        left = [f for f in left if f.listed.file in made.left]
    if not left:
        return
    first = left[0]
    where = found.partitions.get(first.listed.file, "")
    why = f"; {made.left[first.listed.file]}" if made else ""
    raise DamagedDataError(
        f"{first.listed.dataset} [{where}]: {first.listed.file}, read since snapshot"
        f" {first.listed.begun}, is damaged: {first.why}{why}"
        + (f" (the first of {len(left)} files)" if len(left) > 1 else ""),
        declared="the checksum in the ledger, upkeep.raw.checksums",
        data="other partitions and other datasets stand as they were written",
        next="docs/runbooks/damaged-files.md"
        if made
        else f"watermain verify {first.listed.dataset} --repair",
    )
