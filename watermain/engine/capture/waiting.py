"""How much waits at sources, noted by who looks there, told to whoever asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from watermain import durable

FOLDER = "waiting"
PAUSE = timedelta(seconds=50)
MOST_LOOKS = 12


@dataclass(frozen=True, kw_only=True)
class WaitingLook:
    """What waited at a source when somebody looked.

    Units: `amount` is in `unit`: rows, files or bytes, the finest that the source knows; `oldest`
    is the instant of the oldest thing that waits, None where the source cannot tell.
    """

    at: str
    amount: int
    unit: str
    oldest: str | None = None


def note(
    home: Path,
    dataset: str,
    waits: tuple[int, str] | None,
    *,
    oldest: datetime | None,
    now: datetime,
) -> None:
    """Note what waits at a dataset's source, about once a minute; the last looks are kept.

    That nothing waits any more is noted at once.

    Shapes: `waits` is an amount with its unit, None where the source cannot tell.
    """
    path = home / FOLDER / f"{dataset}.json"
    before = looks(path)
    if waits is None:
        return
    is_worked_off = bool(before) and before[-1].amount > 0 and waits[0] == 0
    at = datetime.fromisoformat(before[-1].at) if before else None
    if at is not None and not is_worked_off and timedelta(0) <= now - at < PAUSE:
        return
    fresh = WaitingLook(
        at=now.isoformat(),
        amount=waits[0],
        unit=waits[1],
        oldest=oldest.isoformat() if oldest else None,
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.replace(path, json.dumps([asdict(each) for each in [*before, fresh][-MOST_LOOKS:]]))


def noted(home: Path) -> Iterator[tuple[str, list[WaitingLook]]]:
    """The last looks at each source, oldest first, by the dataset that is captured from it."""
    for path in sorted((home / FOLDER).glob("*.json")):
        yield path.name.removesuffix(".json"), looks(path)


def looks(path: Path) -> list[WaitingLook]:
    """The looks that a file holds; none where it is torn or missing."""
    try:
        return [WaitingLook(**each) for each in json.loads(path.read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        return []
