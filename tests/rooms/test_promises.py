"""What every room of the demo promises burns when it fails; it recovers once it came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from tests.watermain.engine.promise.promises import Commits
from watermain.engine.promise.book import LONG_AGO, VerdictBook
from watermain.engine.promise.budget import status
from watermain.engine.promise.calendar import Promised, expected
from watermain.engine.promise.evaluate import SETTLE, Evaluator
from watermain.engine.promise.signal import Signal
from watermain.engine.publish.attempt import Attempts
from watermain.engine.rooms.declared import datasets_on
from watermain.engine.rooms.promises import RoomPromises
from watermain.lake.lake import Lake
from watermain.observe.looking import PromiseLooking
from watermain.observe.watch.gravity import Gravity

ROOMS = ("operations", "weather", "prediction")
BEGUN = datetime(2026, 6, 1, 12, tzinfo=UTC)
LONGEST = timedelta(days=40)
COUNT = 9  # partitions: the last two of them are missing for a while


def promised(team: str) -> list[Promised]:
    """What a room promises, as its code declares it."""
    return [
        Promised(dataset=each.name, slo=each.slo, cadence=each.cadence, owner=each.owner)
        for shelf in ("raw", "curated", "features")
        for each in datasets_on(team, shelf)
        if each.slo is not None and each.cadence is not None
    ]


class Watched:
    """One real promise, judged and looked at as `watermain observe` does."""

    def __init__(self, lake: Lake, promise: Promised) -> None:
        self.promise, self.name = promise, promise.dataset
        self.book, self.commits = VerdictBook(lake.dsn), Commits()
        known = RoomPromises((promise,), frozenset({self.name.team}))
        self.looking = PromiseLooking(self.book, lambda: Attempts(lake.dsn()), lambda: known)
        self.evaluator = Evaluator(self.book, self.commits)
        self.evaluator.judge([promise], BEGUN)
        self.gravity = Gravity(known)

    def seen(self, now: datetime) -> Sequence[Signal]:
        """Judge, and look."""
        self.evaluator.judge([self.promise], now)
        look, _ = self.looking(now, (), ())
        return [each for each in look.signals if each.dataset == self.name]

    def left(self, now: datetime) -> int:
        """The misses that the budget has room for."""
        verdicts = self.book.verdicts([self.name], LONG_AGO, now)[self.name]
        return status(self.book.terms()[self.name], verdicts, self.promise, now - SETTLE).left


@pytest.mark.parametrize("room", ROOMS)
def test_promises_of_a_room_burn_and_recover(lake: Lake, room: str) -> None:
    """Silent while all is in time; told when two are missing; silent again when they came late."""
    found = promised(room)
    assert found
    for each in found:
        watched = Watched(lake, each)
        due = list(islice(expected(each, BEGUN, BEGUN + LONGEST), COUNT))
        assert len(due) == COUNT, each.dataset
        for part in due[:-2]:
            watched.commits.publish(part.partition, part.due_at, each.dataset)
        well = due[-3].due_at + SETTLE + timedelta(seconds=1)
        assert watched.seen(well) == []
        before = watched.left(well)
        missed = due[-1].due_at + SETTLE + timedelta(seconds=1)
        (signal,) = watched.seen(missed)
        assert (signal.dataset, signal.promise) == (each.dataset, "on_time")
        assert signal.severity == watched.gravity.of(each.dataset), each.dataset
        assert watched.left(missed) == before - 2
        for part in due[-2:]:
            watched.commits.publish(part.partition, missed, each.dataset)
        came = missed + timedelta(minutes=2)
        assert watched.seen(came) == []
        assert watched.left(came) == before - 2
