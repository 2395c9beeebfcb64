"""`watermain sweep`: files that no catalog names go."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.lake.lake import Lake
from watermain.lake.rest.sweep import sweep as swept


def sweep(
    older_than: Annotated[
        int, typer.Option(help="Hours that a file must have lain there.", min=1)
    ] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Take away files of the lake that no catalog names and that writers which died have left.

    A dataset that is being written is left for the next sweep.
    """
    lake = Lake.from_settings()
    done = swept(lake, older_than=timedelta(hours=older_than))
    if as_json:
        screen.facts(asdict(done))
        return
    for path in done.files:
        screen.OUT.print(f"gone  {path}", markup=False)
    screen.ERR.print(
        f"{len(done.files)} files, {done.bytes:,} bytes are gone; {done.young} are younger than"
        f" {older_than} h, {done.held} belong to datasets that are being written,"
        f" {done.foreign} were not written by the platform",
        markup=False,
    )
