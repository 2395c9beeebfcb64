"""A room whose code does not load, told once to whoever meets it."""

from __future__ import annotations

import logging
from pathlib import Path
from traceback import extract_tb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenRoomError, WatermainError
from watermain.declare.place import shown
from watermain.engine.rooms.last_good import remembered
from watermain.settings import project

HERE = Path(__file__).resolve().parent
PRODUCT = HERE.parents[1]
LOADERS = (HERE, PRODUCT / "orchestrate" / "launch")  # who imports a room is not to blame for it
STANDS = "what the room published stands, and is known as it was last declared"
MOST_SAID = 300  # of what brought an error about
LOG = logging.getLogger("watermain.rooms")
_told: set[str] = set()


def stand_in(why: BrokenRoomError, team: str) -> tuple[Dataset, ...]:
    """What a room that does not load is known by; the reason is told once for each process.

    Guarantees: none of it can be built. Empty where the platform has never loaded the room.
    """
    if team not in _told:
        _told.add(team)
        LOG.warning("%s: %s", type(why).__name__, why)
    return remembered(team, why)


def stood_in() -> frozenset[str]:
    """The rooms that this process knows by what they last declared."""
    return frozenset(_told)


def broken(team: str, error: BaseException, home: str) -> BrokenRoomError:
    """Say that a room does not load, at the line of the project or of the product that raised."""
    if isinstance(error, WatermainError):
        return BrokenRoomError(
            f"room {team} does not load: {error.what}",
            declared=error.declared,
            data=STANDS,
            next=error.next,
        )
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    if error.__cause__ is not None:
        said += f" ({str(error.__cause__)[:MOST_SAID]})"
    return BrokenRoomError(
        " ".join(f"room {team} does not load: {type(error).__name__}: {said}".split()),
        declared=_line(error) or home,
        data=STANDS,
        next="mend it, then: watermain check",
    )


def _line(error: BaseException) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return shown(error.filename, error.lineno or 0)
    frames = [f for f in extract_tb(error.__traceback__) if Path(f.filename).is_absolute()]
    rooms = [f for f in frames if Path(f.filename).is_relative_to(project().rooms_folder)]
    ours = [f for f in frames if Path(f.filename).is_relative_to(PRODUCT)]
    found = rooms or [f for f in ours if not any(map(Path(f.filename).is_relative_to, LOADERS))]
    return shown(found[-1].filename, found[-1].lineno or 0) if found else None
