"""`watermain compact`: many small files made few."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.screen import ShownStep
from watermain.declare.errors import (
    DamagedDataError,
    InvalidDeclarationError,
    LostLeaseError,
    UnreadableRowsError,
    WatermainError,
)
from watermain.declare.name import DatasetName
from watermain.engine.rooms.directory import everything
from watermain.engine.table import compaction
from watermain.lake.lake import Lake
from watermain.lake.rest.rewrite import Rewrite

WAIT_SECONDS = 5.0


def compact(
    dataset: Annotated[
        str | None, typer.Argument(help="Such as operations.raw.movements; else every dataset.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Write small files of the lake again as few, and prove their rows unchanged.

    Writers do it by themselves, now and then. Older snapshots keep their files. A dataset that
    cannot be written again is left as it is, and the command fails once the others are done.
    """
    lake, done = Lake.from_settings(), []
    left: list[WatermainError] = []
    known = everything()
    whole = sorted(n for n in known if not known[n].is_platforms)
    chosen = [_asked(dataset)] if dataset else whole
    with lake.get_connection() as connection:
        standing = compaction.crowded(connection, chosen)
    for name in standing:
        with screen.step(str(name)) as line:
            found = _compacted(lake, name, line)
        if isinstance(found, WatermainError):
            left.append(found)
        else:
            done += found
    if as_json:
        screen.facts(
            [
                {"dataset": d.dataset, "rows": d.rows, "from": d.files_before, "to": d.files_after}
                for d in done
            ]
        )
    elif not standing:
        screen.OUT.print("no dataset has many small files")
    if left:
        raise left[0]


def _asked(dataset: str) -> DatasetName:
    """The dataset that is named.

    Raises: InvalidDeclarationError, for the ledger, whose rows would then read as new ones.
    """
    found = named(dataset)
    if found.is_platforms:
        raise InvalidDeclarationError.nothing_happened(
            f"{found.name} is part of the ledger, which is never written again",
            declared=found.declared,
            next="watermain compact",
        )
    return found.name


def _compacted(
    lake: Lake, name: DatasetName, line: ShownStep
) -> list[Rewrite] | DamagedDataError | UnreadableRowsError:
    """Say what became of one dataset; give why it was left where that is a failure."""
    try:
        found = compaction.compact_under_lease(lake, name, WAIT_SECONDS)
    except LostLeaseError:
        line.say("left to its writer, who holds the lease")
        return []
    except (DamagedDataError, UnreadableRowsError) as error:
        line.fail(error.what)
        return error
    files = sum(each.files_before for each in found)
    line.say(f"{files} files became {sum(each.files_after for each in found)}")
    return found
