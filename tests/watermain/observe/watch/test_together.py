"""What watchers see, joined with the look at the promises, as alerts get it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.watermain.engine.promise.promises import FEES, june
from tests.watermain.observe.sink import Sink, sink
from tests.watermain.observe.test_telling import ORDERS, Platform
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Severity, Signal
from watermain.lake.lake import Lake
from watermain.observe.watch.watching import Looked, Watch

MINUTE = timedelta(minutes=1)


def wrong(
    dataset: DatasetName, promise: str, severity: Severity = "page", *, is_alone: bool = False
) -> Signal:
    """Something that is wrong since the first of June."""
    return Signal(
        dataset=dataset,
        promise=promise,
        severity=severity,
        rule="a rule",
        told=f"{promise} is wrong",
        at=june(1),
        is_alone=is_alone,
    )


class Says:
    """A watcher that says what a test lets it say; it may be away."""

    def __init__(self, promise: str) -> None:
        self.name, self.promises = promise, frozenset({promise})
        self.signals, self.judged = list[Signal](), set[DatasetName]()
        self.is_away, self.asked = False, 0

    def look(self, now: datetime) -> Looked:
        """What it was told to say."""
        self.asked += 1
        if self.is_away:
            raise UnreachableSystemError.nothing_happened("away", declared="a test", next="wait")
        return Looked(signals=tuple(self.signals), judged={self.name: self.judged})


@pytest.fixture
def received() -> Iterator[Sink]:
    """The sink."""
    with sink() as made:
        yield made


class Watched(Platform):
    """A platform on which nothing is late, with two watchers."""

    def begin(self) -> None:
        """Begin a process that remembers nothing."""
        if not hasattr(self, "rows"):
            self.rows, self.access = Says("completeness"), Says("access")
        self.watches = [Watch(self.rows), Watch(self.access)]
        super().begin()

    def look(self, at: datetime | None = None, *, after: timedelta = MINUTE) -> str:
        """One round, in which trouble of a watcher keeps no other from its turn."""
        now = self.now + after if at is None else at
        for watch in self.watches:
            try:
                watch(now)
            except UnreachableSystemError:
                assert self.rows.is_away
        return super().look(at, after=after)

    def looks(self, count: int) -> None:
        """Several rounds."""
        for _ in range(count):
            self.look()


@pytest.fixture
def platform(lake: Lake, received: Sink) -> Watched:
    """Its first look is on the first of June."""
    return Watched(lake, received)


def test_what_a_watcher_sees_is_told_and_clears_once_it_is_judged_to_be_well(
    platform: Watched, received: Sink
) -> None:
    """Once each; its owner and whom it reaches are those of the dataset."""
    platform.rows.signals = [wrong(ORDERS, "completeness")]
    platform.rows.judged = {ORDERS}
    platform.looks(3)
    assert received.pages() == [(str(ORDERS), "fired")]
    text = received.posted[0][1]["message"]
    assert "owner      team:orders" in text
    assert f"reaches    1 dataset: {FEES}" in text
    platform.rows.signals = []
    platform.looks(4)
    assert received.pages()[1:] == [(str(ORDERS), "fixed")]


@pytest.mark.parametrize("how", ["away", "not judged"])
def test_what_cannot_be_measured_clears_nothing(
    platform: Watched, received: Sink, how: str
) -> None:
    """Neither while the watcher is away, nor while it cannot judge the dataset; nor a new process.

    Another signal of the same alert goes on meanwhile and hides nothing.
    """
    platform.rows.signals = [wrong(ORDERS, "completeness")]
    platform.rows.judged = {ORDERS}
    platform.looks(2)
    platform.rows.signals = [wrong(FEES, "completeness")]
    platform.rows.judged = {FEES}
    platform.rows.is_away = how == "away"
    platform.looks(3)
    platform.begin()
    platform.looks(2)
    (alert,) = platform.open()
    assert ORDERS in {signal.dataset for signal in alert.signals}
    platform.rows.signals, platform.rows.is_away = [], False
    platform.rows.judged = {FEES}
    platform.looks(4)
    assert len(platform.open()) == 1
    platform.rows.judged = {FEES, ORDERS}
    platform.looks(4)
    assert platform.open() == []
    assert received.pages() == [(str(ORDERS), "fired"), (str(ORDERS), "fixed")]


def test_what_stands_alone_is_told_beside_an_alert_of_the_same_dataset(
    platform: Watched, received: Sink
) -> None:
    """Each has its own end."""
    platform.rows.signals = [wrong(FEES, "completeness")]
    platform.rows.judged = platform.access.judged = {FEES, ORDERS}
    platform.looks(2)
    platform.access.signals = [wrong(FEES, "access", is_alone=True)]
    platform.looks(2)
    assert received.pages() == [(str(FEES), "fired")] * 2
    causes = [alert.cause_id for alert in platform.open()]
    assert [cause.endswith("/access") for cause in causes] == [False, True]
    platform.rows.signals = []
    platform.looks(4)
    assert [alert.alone for alert in platform.open()] == ["access"]
    platform.access.signals = []
    platform.looks(4)
    assert platform.open() == []


def test_what_nobody_watches_for_any_more_clears(platform: Watched, received: Sink) -> None:
    """Such as after an upgrade."""
    platform.rows.signals, platform.rows.judged = [wrong(ORDERS, "completeness")], {ORDERS}
    platform.looks(2)
    platform.watches.pop(0)
    platform.looks(4)
    assert platform.open() == []


def test_watcher_is_asked_in_its_own_rhythm(platform: Watched) -> None:
    """Between its looks what it saw stands; a clock that is set back makes it look."""
    asked = platform.rows.asked
    for _ in range(12):
        platform.look(platform.now + timedelta(seconds=10))
    assert platform.rows.asked == asked + 2
    platform.look(june(1))
    assert platform.rows.asked == asked + 3
