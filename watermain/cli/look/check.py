"""`watermain check`: whether every room of the project loads."""

from __future__ import annotations


def check() -> None:
    """Load every room and the dbt project, and say what is wrong in them.

    Ends with 1 when something is.
    """
    import typer

    from watermain.cli import screen
    from watermain.declare.errors import WatermainError
    from watermain.engine.rooms.declared import check_rooms
    from watermain.orchestrate.location import code_location, declared, teams

    check_rooms()
    wrong = 0
    for team in teams():
        try:
            code_location(team).get_repository_def()
        except WatermainError as error:
            screen.ERR.print(f"{type(error).__name__}: {error}", markup=False, highlight=False)
            wrong += 1
            continue
        broken = [d.broken for d in declared(team) if d.broken]
        for text in broken:
            screen.ERR.print(str(text), markup=False, highlight=False)
        wrong += len(broken)
        if not broken:
            screen.OUT.print(f"  ok     {team}  {len(declared(team))} datasets", highlight=False)
    if wrong:
        raise typer.Exit(1)
