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
    Guarantees: what waits but shrinks is being worked off. A file that has just come and says that
    it is old has not waited yet.
    """
    last, is_aged = looks[-1], looks[-1].oldest is not None
    waited = _waiting(looks, may_shrink=is_aged)
    if len(waited) < LEAST_LOOKS:
        return None
    since = datetime.fromisoformat(waited[0].at)
    rule = f"has not shrunk for {lasting(GROWING)}"
    if datetime.fromisoformat(last.at) - since < GROWING:
        return None
    if last.oldest is not None:
        since, rule = datetime.fromisoformat(last.oldest), f"waits for {lasting(OLDEST)}"
        if now - since < OLDEST:
            return None
    return Signal(
        dataset=dataset,
        promise=PROMISE,
        severity=gravity.of(dataset),
        rule=rule,
        told=f"{last.amount:,} {last.unit} wait at its source since {since:%H:%M:%S} UTC",
        at=since,
    )


def _waiting(looks: Sequence[WaitingLook], *, may_shrink: bool) -> list[WaitingLook]:
    """The last looks in a row that found something, and no less than the one before."""
    found: list[WaitingLook] = []
    for each in reversed(looks):
        if not each.amount or (found and not may_shrink and each.amount > found[0].amount):
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
