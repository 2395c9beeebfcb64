"""What flows in the rooms of a project, whichever of them load."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from watermain import trouble
from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.engine.plan.rhythm import flows
from watermain.engine.rooms.declared import PRODUCT, datasets_on, package, shelf_file, teams
from watermain.engine.rooms.directory import SHELVES
from watermain.process.platform import STREAM, stream_of
from watermain.project import ALL
from watermain.settings import load_settings, project

UNTIL_MENDED = timedelta(days=1)  # a room is read again when a file of it changes, no sooner


def flowing(team: str) -> list[Dataset]:
    """The datasets of a room that streams take; marts never are, so dbt is left alone.

    Guarantees: their calendars begin as everybody else's do, or a stream would for ever hold stale
    what a publish finds as it should be.
    """
    importlib.import_module(package(team))
    found = [d for shelf in SHELVES for d in datasets_on(team, shelf) if flows(d)]
    return list({d.name: d for d in found}.values())


def of_rooms_that_load(asked: list[str]) -> tuple[list[Dataset], dict[str, WatermainError]]:
    """What flows in rooms, and why the others do not load, which hold up none of these."""
    found: list[Dataset] = []
    broken: dict[str, WatermainError] = {}
    for team in asked:
        try:
            found += flowing(team)
        except WatermainError as error:
            broken[team] = error
        except Exception as error:  # of a room, whose code enters here: whatever it raises
            broken[team] = _unloaded(team, error)
    return found, broken


def tell_broken(broken: dict[str, WatermainError], tell: Callable[[str], None]) -> None:
    """Say which rooms do not load: here, and to `watermain status`."""
    home, now = load_settings().home, Clock().now()
    for team in teams():
        if team in broken:
            tell(f"{type(broken[team]).__name__}: {broken[team]}")
            trouble.begin(home, team, broken[team], now=now, again_at=now + UNTIL_MENDED)
        else:
            trouble.end(home, team)


def files_behind(broken: Iterable[str]) -> list[Path]:
    """The folders whose loaded modules count, and every file of rooms that do not load."""
    homes = [project().rooms_folder / team for team in broken]
    return [project().root, PRODUCT, *(file for home in homes for file in home.rglob("*.py"))]


def processes() -> list[str]:
    """The services that capture what the project streams; a room that does not load may flow."""
    said = project().stream
    if not isinstance(said, str):
        return [STREAM] if said else []
    found, broken = of_rooms_that_load(teams())
    rooms = sorted({d.name.team for d in found} | set(broken))
    if said == ALL:
        return [STREAM] if rooms else []
    return [stream_of(team) for team in rooms]


def _unloaded(team: str, error: Exception) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        f"room {team} does not load: {type(error).__name__}: {error}",
        declared=shelf_file(team, "definitions"),
        next="mend it, then: watermain check",
    )
