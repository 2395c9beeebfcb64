"""What rooms last declared of promises, read without loading them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.written import read
from watermain.engine.rooms.last_good import FOLDER, FORMAT


@dataclass(frozen=True)
class RoomPromises:
    """The promises of the rooms that have written down what they declare.

    Shapes: `teams` are those rooms; of any other nobody knows what it promises. `inputs` has what
    each of their datasets reads, `owners` who owns it, whether or not it promises anything.
    """

    promises: tuple[Promised, ...]
    teams: frozenset[str]
    inputs: Mapping[DatasetName, tuple[DatasetName, ...]] = field(default_factory=dict)
    owners: Mapping[DatasetName, str] = field(default_factory=dict)


def promises(home: Path, teams: Collection[str]) -> RoomPromises:
    """What some rooms promise, as each wrote it into the data folder when it last loaded.

    Guarantees: a file that is torn, or that another release wrote, says nothing of its room.
    """
    found = dict[str, _Room]()
    for team in teams:
        try:
            path = home / FOLDER / f"{team}.json"
            stands = path.stat()
            found[team] = _said(path, stands.st_mtime_ns, stands.st_ino)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            continue
        except WatermainError:  # words of a release whose rules were others
            continue
    return RoomPromises(
        tuple(each for room in found.values() for each in room.promises),
        frozenset(found),
        {name: read for room in found.values() for name, read in room.inputs.items()},
        {name: who for room in found.values() for name, who in room.owners.items()},
    )


@dataclass(frozen=True)
class _Room:
    promises: tuple[Promised, ...]
    inputs: Mapping[DatasetName, tuple[DatasetName, ...]]
    owners: Mapping[DatasetName, str]


@lru_cache(maxsize=256)
def _said(path: Path, written_at: int, inode: int) -> _Room:
    """What a file says as it stands; each rewriting makes another file of it.

    Raises: what says that it is not whole.
    """
    told = json.loads(path.read_text())
    if told["format"] != FORMAT:
        raise ValueError("another format")
    known = {DatasetName.parse(facts["name"]): facts for facts in told["datasets"]}
    return _Room(
        tuple(read(f["promised"]) for f in known.values() if f["promised"] is not None),
        {n: tuple(map(DatasetName.parse, f["inputs"].values())) for n, f in known.items()},
        {name: str(f["promise"]["team"]["name"]) for name, f in known.items()},
    )
