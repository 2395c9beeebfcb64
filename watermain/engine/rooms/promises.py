"""What rooms last promised, read without loading them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from watermain.declare.errors import WatermainError
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.written import read
from watermain.engine.rooms.last_good import FOLDER, FORMAT


@dataclass(frozen=True)
class RoomPromises:
    """The promises of the rooms that have written down what they declare.

    Shapes: `teams` are those rooms; of any other nobody knows what it promises.
    """

    promises: tuple[Promised, ...]
    teams: frozenset[str]


def promises(home: Path, teams: Collection[str]) -> RoomPromises:
    """What some rooms promise, as each wrote it into the data folder when it last loaded.

    Guarantees: a file that is torn, or that another release wrote, says nothing of its room.
    """
    found: list[Promised] = []
    known = set()
    for team in teams:
        try:
            path = home / FOLDER / f"{team}.json"
            stands = path.stat()
            found += _said(path, stands.st_mtime_ns, stands.st_ino)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            continue
        except WatermainError:  # words of a release whose rules were others
            continue
        known.add(team)
    return RoomPromises(tuple(found), frozenset(known))


@lru_cache(maxsize=256)
def _said(path: Path, written_at: int, inode: int) -> tuple[Promised, ...]:
    """The promises in a file as it stands; each rewriting makes another file of it.

    Raises: what says that it is not whole.
    """
    told = json.loads(path.read_text())
    if told["format"] != FORMAT:
        raise ValueError("another format")
    said = [facts["promised"] for facts in told["datasets"]]
    return tuple(read(words) for words in said if words is not None)
