"""The list of all datasets, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watermain.console.sight import Sight
from watermain.console.standing import ORDER

PER_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Which datasets a person wants to see: of a room, in a state, with a word in their names."""

    room: str = ""
    state: str = ""
    word: str = ""
    page: int = 1


def datasets(sight: Sight, wish: Wish) -> dict[str, Any]:
    """The datasets that are wanted, what needs a look first.

    Raises: UnreachableSystemError.
    """
    stands = sight.standings()
    found = [
        line
        for line in stands.lines.values()
        if wish.room in ("", line.told.name.team)
        and wish.state in ("", line.state)
        and wish.word.lower() in line.name
    ]
    found.sort(key=lambda line: line.urgency)
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(1, wish.page), pages)
    return {
        "stands": stands,
        "wish": wish,
        "lines": found[(page - 1) * PER_PAGE : page * PER_PAGE],
        "count": len(found),
        "page": page,
        "pages": pages,
        "rooms": sorted({line.told.name.team for line in stands.lines.values()}),
        "states": ORDER,
    }
