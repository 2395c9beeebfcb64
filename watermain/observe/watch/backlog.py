"""What waits at sources for too long."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from watermain.declare.name import DatasetName
from watermain.declare.wording import lasting
from watermain.engine.capture.waiting import WaitingLook, noted
from watermain.engine.promise.signal import Signal
from watermain.engine.rooms.promises import RoomPromises
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.watching import Looked

PROMISE = "backlog"
OLDEST = timedelta(minutes=10)  # that something may wait, where its age is known
GROWING = timedelta(minutes=5)  # for which what waits may grow or stay as it is
FRESH = timedelta(minutes=15)  # a look that is older says nothing
LEAST_LOOKS = 4


def piling(
    dataset: DatasetName, looks: Sequence[WaitingLook], gravity: Gravity, now: datetime
) -> Signal | None:
    """Say what waits for too long at a source, if anything does.

    Shapes: `looks` are oldest first, and the last is fresh.
    Guarantees: what waits but shrinks is being worked off.
    """
    last = looks[-1]
    if not last.amount:
        return None
    rule, since = "", datetime.fromisoformat(last.at)
    if last.oldest is not None:
        since = datetime.fromisoformat(last.oldest)
        rule = f"waits for {lasting(OLDEST)}" if now - since >= OLDEST else ""
    else:
        grown = _growing(looks)
        since = datetime.fromisoformat(grown[0].at)
        lasted = datetime.fromisoformat(last.at) - since
        if len(grown) >= LEAST_LOOKS and lasted >= GROWING:
            rule = f"has not shrunk for {lasting(GROWING)}"
    if not rule:
        return None
    return Signal(
        dataset=dataset,
        promise=PROMISE,
        severity=gravity.of(dataset),
        rule=rule,
        told=f"{last.amount:,} {last.unit} wait at its source since {since:%H:%M:%S} UTC",
        at=since,
    )


def _growing(looks: Sequence[WaitingLook]) -> list[WaitingLook]:
    """The last looks in a row of which none found less than the one before, or nothing."""
    found = [looks[-1]]
    for each in reversed(looks[:-1]):
        if not each.amount or each.amount > found[0].amount:
            break
        found.insert(0, each)
    return found


class BacklogWatching:
    """Watch what streams and sensors note of their sources.

    Guarantees: a source at which nobody has looked lately is not judged.
    """

    name, promises = "backlog", frozenset({PROMISE})

    def __init__(self, home: Callable[[], Path], known: Callable[[], RoomPromises]) -> None:
        self._home, self._known = home, known

    def look(self, now: datetime) -> Looked:
        """What waits for too long now."""
        gravity = Gravity(self._known())
        fresh: Mapping[DatasetName, list[WaitingLook]] = {
            DatasetName.parse(name): looks
            for name, looks in noted(self._home())
            if looks and abs(now - datetime.fromisoformat(looks[-1].at)) <= FRESH
        }
        found = [piling(name, looks, gravity, now) for name, looks in fresh.items()]
        return Looked(
            signals=tuple(each for each in found if each is not None),
            judged={PROMISE: frozenset(fresh)},
        )
