"""What the rooms declare, found by name."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, InvalidProjectError
from watermain.declare.name import DatasetName
from watermain.declare.place import shown
from watermain.engine.rooms.broken_room import broken, stand_in
from watermain.engine.rooms.doors import PRODUCT, package, shelf_file, teams
from watermain.engine.rooms.since import since
from watermain.settings import project

__all__ = [
    "PRODUCT",
    "check_rooms",
    "datasets_on",
    "feature_tables",
    "on_shelf",
    "package",
    "shelf_file",
    "teams",
]
T = TypeVar("T")


def check_rooms() -> None:
    """See that the project has rooms.

    Raises: InvalidProjectError, where it has none.
    """
    here = project()
    if not any(package(team) != f"watermain.{team}" for team in teams()):
        raise InvalidProjectError(
            f"the project has no room: no {here.rooms}/<team>/definitions.py",
            declared=f"{here.root / 'pyproject.toml'}  [tool.watermain] rooms",
            data="nothing was started",
            next="watermain new room <team>, or name the package of the rooms there",
        )


def on_shelf(team: str, shelf: str, kind: type[T]) -> list[T]:
    """What a room declares of a kind on one shelf; nothing where it has no such shelf.

    Shapes: a shelf is a module or a package, whose modules are all loaded, by their names.
    Guarantees: what one module imports of another is given once.
    Raises: InvalidDeclarationError, for a shelf that is both a module and a package.
    """
    found = {
        id(value): value
        for module in _modules(f"{package(team)}.{shelf}")
        for value in vars(module).values()
        if isinstance(value, kind)
    }
    return list(found.values())


def _modules(name: str) -> Iterator[ModuleType]:
    """A module; of a package what it says itself and then every module in it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return
    places = list(spec.submodule_search_locations or ())
    for folder in map(Path, places):
        _refuse_twin(folder)
    yield importlib.import_module(name)
    for each in sorted(pkgutil.iter_modules(places), key=lambda found: found.name):
        if each.name != "__main__":
            yield from _modules(f"{name}.{each.name}")


def _refuse_twin(folder: Path) -> None:
    """Refuse a module beside a package of its name, which Python would leave unread."""
    twin = folder.with_suffix(".py")
    if twin.exists():
        raise InvalidDeclarationError.nothing_happened(
            f"`{folder.name}` is a package and a module, of which Python reads the package alone",
            declared=shown(str(twin), 1),
            next=f"move what it declares into {folder.name}/, or delete the folder",
        )


def datasets_on(team: str, shelf: str) -> list[Dataset]:
    """The datasets that a room declares on one shelf, each with the day its calendar begins on."""
    return since(on_shelf(team, shelf, Dataset))


def feature_tables() -> dict[DatasetName, Dataset]:
    """Every feature table of every room, in all its versions.

    Guarantees: no other shelf of a room is loaded by this; of one that does not load, the tables
    are known as they were last declared.
    """
    found: list[Dataset] = []
    for team in teams():
        try:
            found += datasets_on(team, "features")
        except (Exception, SystemExit) as error:  # a room's own code, whatever it raises
            found += since(stand_in(broken(team, error, shelf_file(team, "features")), team))
    return {d.name: d for d in found if d.feature}
