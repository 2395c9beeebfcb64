"""`watermain rollback`: a dataset as an older snapshot had it."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.run import work
from watermain.engine.publish.publication import Job
from watermain.engine.publish.restore import rollback as restore
from watermain.engine.rooms.directory import find
from watermain.lake.lake import Lake


def rollback(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    to: Annotated[int, typer.Option(help="The snapshot to go back to.", min=0)],
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Restore a dataset in one transaction, and then tell downstream.

    Roll the code back too, or the next run computes the partitions anew.
    """
    found = named(dataset)
    job = Job(lake=Lake.from_settings(), find=find, run_id="rollback")
    with screen.step(f"{found.name}") as line:
        done = restore(found, to, job)
        word = (
            f"{screen.count(len(done.rows), 'part')} restored"
            if done.rows
            else "stands as it did, unchanged"
        )
        line.say(f"{word}; readers see snapshot {done.snapshot}")
    work.tell_dagster([done.publication])
    if as_json:
        partitions = [row.partition for row in done.rows]
        screen.facts({"dataset": str(found.name), "to": to, "restored": partitions})
