"""`watermain check`: whether every room of the project loads."""

from __future__ import annotations

import typer

from watermain.cli import screen
from watermain.declare.errors import WatermainError
from watermain.engine.rooms.broken_room import broken
from watermain.engine.rooms.declared import check_rooms, shelf_file
from watermain.orchestrate.location import code_location, declared, teams


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
        code_location(team).get_repository_def().get_all_jobs()
    except WatermainError as error:
        screen.ERR.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)
        return False
    except Exception as error:  # of a room, whose code enters here: whatever it raises
        why = broken(team, error, shelf_file(team, "definitions"))
        screen.ERR.print(f"{type(why).__name__}: {why}", markup=False, highlight=False)
        return False
    wrong = [d.broken for d in declared(team) if d.broken]
    for text in wrong:
        screen.ERR.print(str(text), markup=False, highlight=False)
    if not wrong:
        screen.OUT.print(f"  ok     {team}  {len(declared(team))} datasets", highlight=False)
    return not wrong
