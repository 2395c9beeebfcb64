"""What rooms last promised, read without loading them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
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
            told = json.loads((home / FOLDER / f"{team}.json").read_text())
            if told["format"] != FORMAT:
                continue
            said = [facts["promised"] for facts in told["datasets"]]
            found += [read(words) for words in said if words is not None]
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            continue
        except WatermainError:  # words of a release whose rules were others
            continue
        known.add(team)
    return RoomPromises(tuple(p for p in found if p.dataset.team in known), frozenset(known))
