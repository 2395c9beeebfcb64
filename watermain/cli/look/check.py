"""`watermain check`: whether every room of the project loads."""

from __future__ import annotations

from traceback import extract_tb

import typer

from watermain.cli import screen
from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.declare.place import shown
from watermain.engine.rooms.declared import check_rooms, shelf_file
from watermain.orchestrate.location import code_location, declared, teams
from watermain.settings import project


def check() -> None:
    """Load every room and the dbt project, and say what is wrong in them.

    Ends with 1 when something is.
    """
    check_rooms()
    wrong = [team for team in teams() if not _loads(team)]
    if wrong:
        raise typer.Exit(1)


def _loads(team: str) -> bool:
    try:
        code_location(team).get_repository_def()
    except WatermainError as error:
        screen.ERR.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)
        return False
    except Exception as error:  # of a room, whose code enters here: whatever it raises
        told = f"InvalidDeclarationError: {_unloaded(team, error)}"
        screen.ERR.print(told, markup=False, highlight=False)
        return False
    broken = [d.broken for d in declared(team) if d.broken]
    for text in broken:
        screen.ERR.print(str(text), markup=False, highlight=False)
    if not broken:
        screen.OUT.print(f"  ok     {team}  {len(declared(team))} datasets", highlight=False)
    return not broken


def _unloaded(team: str, error: Exception) -> InvalidDeclarationError:
    """The error for a room that cannot be imported, at the line of the project that raised."""
    root = str(project().root)
    frames = [f for f in extract_tb(error.__traceback__) if f.filename.startswith(root)]
    place = shelf_file(team, "definitions")
    if frames:
        place = shown(frames[-1].filename, frames[-1].lineno or 0)
    return InvalidDeclarationError.nothing_happened(
        f"room {team} does not load: {type(error).__name__}: {error}",
        declared=place,
        next="mend it, then: watermain check",
    )
