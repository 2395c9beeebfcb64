"""The names of all declared datasets, remembered until a file of a room changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from watermain import durable
from watermain.declare.name import DatasetName
from watermain.engine.rooms.doors import PRODUCT, teams
from watermain.settings import Settings, project

KINDS = (".py", ".sql", ".yml", ".yaml")


def dataset_names(settings: Settings) -> tuple[DatasetName, ...]:
    """Every declared dataset by name; the rooms are loaded only when a file of theirs changed.

    Guarantees: nothing is remembered while a room does not load, so that whoever asks is told.
    """
    path, now = settings.home / "run" / "names.json", _stamp()
    with suppress(FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        known = json.loads(path.read_text())
        if known["stamp"] == now:
            return tuple(map(DatasetName.parse, known["names"]))
    from watermain.engine.rooms.directory import everything, troubled_rooms  # as heavy as rooms

    found = everything()
    names, is_whole = tuple(found), not any(d.broken for d in found.values())
    if path.parent.exists() and is_whole and not troubled_rooms():  # what does not load is told
        durable.replace(path, json.dumps({"stamp": now, "names": [*map(str, names)]}))
    return names


def _stamp() -> str:
    """What changes whenever a file changes that a room may be declared in."""
    seen = sha256()
    for path in sorted(_files()):
        with suppress(FileNotFoundError):
            told = path.stat()
            seen.update(f"{path} {told.st_mtime_ns} {told.st_size}\n".encode())
    return seen.hexdigest()


def _files() -> Iterator[Path]:
    here = project()
    own = [PRODUCT / team for team in teams() if (PRODUCT / team).exists()]
    for folder in (here.rooms_folder, here.dbt_folder, *own):
        for path in folder.rglob("*"):
            if path.suffix in KINDS and "target" not in path.parts:
                yield path
