"""The files that one room is made from, beside those that all rooms share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import watermain
from watermain.dbt.dbt import manifest_path
from watermain.declare.dataset import Dataset
from watermain.engine.rooms.declared import package, teams
from watermain.engine.rooms.from_dbt import marts
from watermain.orchestrate.launch.freshness import LoadedSources, Print, fingerprint
from watermain.settings import project

PRODUCT = Path(watermain.__file__).parent
Looks = tuple[tuple[Path, Print], ...]


def team_of(module: str) -> str | None:
    """The team whose door a module is; None for one that is no room's."""
    return next((team for team in teams() if module == f"{package(team)}.definitions"), None)


def room_folder(team: str) -> Path:
    """Where a room's code stands."""
    top, *rest = package(team).split(".")
    return (PRODUCT if top == PRODUCT.name else project().root / top).joinpath(*rest)


def shared_roots() -> list[Path]:
    """Where the modules lie that all rooms share, beside the file that says which package it is."""
    return [project().resources_folder, PRODUCT, project().root / "pyproject.toml"]


class OwnSources:
    """What a process has loaded of one room, compared with what lies on disk.

    Shapes: the room's own modules, those that it alone has loaded of what stands beside the rooms,
    and its marts. What other rooms own is watched by them.
    """

    def __init__(
        self, team: str | None, module: str, own: Iterable[Dataset], *, since_ns: int, failed: bool
    ) -> None:
        self._team = team
        self._marts = _digest(own)
        self._manifest = fingerprint(manifest_path()) if team and _has_marts() else ()
        unread = _unread(team) if failed and team else []
        roots = (project().root, PRODUCT, *unread, *(_components(team) if team else ()))
        self._loaded = LoadedSources.taken(roots, since_ns=since_ns, leave_out=_foreign(team))

    def changed(self) -> Looks:
        """What is not as it was loaded, each as it looks now; of a mart, the manifest."""
        found = [(path, fingerprint(path)) for path in self._loaded.changed()]
        return (*found, *self._changed_marts())

    def _changed_marts(self) -> Iterator[tuple[Path, Print]]:
        if not self._team or not _has_marts():
            return
        path = manifest_path()
        look = fingerprint(path)
        if look in (self._manifest, ("absent",)):
            return
        if _digest(marts(self._team, path)) == self._marts:
            self._manifest = look  # it is another team's model that changed
            return
        yield path, look


def _has_marts() -> bool:
    return project().dbt_folder.exists()


def _digest(datasets: Iterable[Dataset]) -> str:
    """What a room's marts are: declarations, SQL, faults."""
    found = hashlib.sha256()
    for dataset in datasets:
        if dataset.mart is not None:
            found.update(
                f"{dataset!r}\0{dataset.mart.sql}\0{dataset.growth}\0{dataset.broken}\0".encode()
            )
    return found.hexdigest()


def _unread(team: str) -> list[Path]:
    """Every file that may mend a room which does not load."""
    ours = project()
    sensors = ours.root / ours.sensors.replace(".", "/")
    return [path for folder in (room_folder(team), sensors) for path in folder.rglob("*.py")]


def _components(team: str) -> list[Path]:
    """The files that declare components of Dagster in a room, which no module is made from."""
    return [path for suffix in ("yaml", "yml") for path in room_folder(team).rglob(f"*.{suffix}")]


def _foreign(team: str | None) -> Callable[[Path], bool]:
    """Whether a file is not the room's: the product's, shared by all, or another room's."""
    ours, own = project(), room_folder(team) if team else None
    others = [room_folder(other) for other in teams() if other != team]
    shared = [*others, PRODUCT, ours.resources_folder]

    def is_foreign(path: Path) -> bool:
        if own is not None and path.is_relative_to(own):
            return False
        if path == ours.rooms_folder or path.name == "site-packages":
            return True
        return path == ours.root or any(map(path.is_relative_to, shared))

    return is_foreign
