"""From verdicts in the book to what people get."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.watermain.engine.promise.promises import FEES, TWO_HOURS, Commits, june, promise
from tests.watermain.observe.sink import Sink
from watermain.declare import AtMost, Slo
from watermain.declare.connection.connection import Connection
from watermain.declare.connection.notifier import AlertmanagerConnection, NotifierConnection
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.publish.attempt import Attempt, Attempts
from watermain.engine.rooms.promises import RoomPromises
from watermain.lake.lake import Lake
from watermain.observe.alert.alert import Alert, Maintenance
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.deliver import Delivered
from watermain.observe.alert.step import AlertStep, notifiers, ways
from watermain.observe.judging import Judging
from watermain.observe.looking import PromiseLooking
from watermain.observe.planned import Planned
from watermain.observe.runbook.symptom import USUAL
from watermain.observe.telling import NOBODY, AlertTelling
from watermain.observe.watch.together import SeenTogether
from watermain.observe.watch.watching import Watch
from watermain.settings import load_settings, project

MINUTE = timedelta(minutes=1)
ORDERS = DatasetName("billing", "raw", "orders")
SLO = Slo(ready_within=timedelta(hours=2), objective=AtMost(3, of=28), consumers=("the board",))


class Platform:
    """A process that observes, which may end at any place and is begun anew."""

    def __init__(self, lake: Lake, received: Sink, *promised: Promised) -> None:
        self.lake, self.commits, self.now = lake, Commits(), june(1, 12)
        words = [NotifierConnection("pager", address=received.by_apprise)]
        self.words: dict[str, Connection] = {word.name: word for word in words}
        said = promised or (promise(SLO),)
        inputs = {FEES: (ORDERS,), ORDERS: ()}
        owners = {FEES: "team:billing", ORDERS: "team:orders"}
        self.known = RoomPromises(said, frozenset({"billing"}), inputs, owners)
        self.windows: tuple[Maintenance, ...] = ()
        self.watches = list[Watch]()
        self.alerts = AlertBook(lake.dsn)
        self.begin()
        self.look()

    def begin(self) -> None:
        """Begin a process that remembers nothing."""
        self.book = VerdictBook(self.lake.dsn)
        self.planned = Planned(self.book, lambda now: self.windows)
        self.judging = Judging(self.book, self.commits, lambda: self.known)
        looking = SeenTogether(
            PromiseLooking(self.book, lambda: Attempts(self.lake.dsn()), lambda: self.known),
            self.watches,
        )
        self.telling = AlertTelling(
            AlertBook(self.lake.dsn),
            looking,
            lambda: self.planned.windows,
            lambda: self.words,
            self.deliver,
        )

    def deliver(self, now: datetime) -> Delivered:
        """Send what is due, in this process."""
        words = notifiers(self.words)
        opened = ways(words, load_settings(), Path("/nonexistent"))
        return AlertStep(AlertBook(self.lake.dsn), Lineage({}), words, opened).deliver(now)

    def look(self, at: datetime | None = None, *, after: timedelta = MINUTE) -> str:
        """One round; what the step that tells said."""
        self.now = self.now + after if at is None else at
        self.planned(self.now)
        try:
            self.judging(self.now)
        except UnreachableSystemError:
            assert self.commits.is_away
        return self.telling(self.now)

    def open(self) -> Sequence[Alert]:
        """The alerts that are open."""
        return self.alerts.listed()


@pytest.fixture
def platform(lake: Lake, received: Sink) -> Platform:
    """Two days missed, the second for six hours; nobody has looked since the first of June."""
    return Platform(lake, received)


def test_late_partition_is_told_once_and_once_more_when_it_came(
    platform: Platform, received: Sink
) -> None:
    """Two misses page; further rounds tell nothing; the message says all that one needs."""
    assert platform.look(june(3, 8)) == ""
    said = platform.look()
    assert received.pages() == [(str(FEES), "fired")]
    assert said.splitlines()[-1] == "1 delivered"
    body = received.posted[0][1]
    assert body["title"] == (f"[page] {FEES}: 2026-06-02 is missing, and 2 of the last 7 were late")
    cause = platform.open()[0].cause_id
    assert body["message"].splitlines() == [
        "began      2026-06-03 08:00:00 UTC, 1 min ago",
        f"broken     {FEES}: 2026-06-02 is missing, and 2 of the last 7 were late"
        " (newest bad and 2 of the last 7)",
        "promise    partitions ready within 2 h, at most 3 of 28 late",
        "late       2026-06-02 was due 2026-06-03 02:00:00 UTC, 6 h 1 min ago",
        "budget     1 may still be missed",
        "owner      team:billing",
        "read by    the board",
        f"first      watermain explain {FEES} 2026-06-02",
        "runbook    docs/runbooks/partitions-are-late.md",
        f"go on      watermain runbook run partitions-are-late --dataset {FEES}"
        " --partition 2026-06-02",
        f"take it    watermain alert ack {cause}",
    ]
    assert [platform.look() for _ in range(5)] == [""] * 5
    platform.commits.publish("2026-06-02", june(3, 8, 5))
    for _ in range(4):
        platform.look()
    assert received.pages() == [(str(FEES), "fired"), (str(FEES), "fixed")]
    proof = "2026-06-02 came at 2026-06-03 08:05:00 UTC, 6 h 5 min late; still missing: 2026-06-01"
    assert f"proof      {FEES}: {proof}" in received.posted[1][1]["message"]
    assert [platform.look() for _ in range(3)] == [""] * 3
    assert platform.open() == []
    assert len(received.posted) == 2
    guide = (project().root / "docs/guides/promises.md").read_text()
    assert (project().root / f"docs/runbooks/{USUAL}.md").exists()
    for _, page in received.posted:
        assert f"```text\n{page['title']}\n\n{page['message']}\n```" in guide


@pytest.mark.parametrize(
    "place",
    [
        *("promise.before_commit", "promise.after_commit", "alert.after_decided_before_written"),
        *("alert.after_alerts_before_outbox", "alert.before_commit"),
        *("alert.after_commit_before_deliver", "deliver.after_taken_before_sent"),
        "deliver.after_noted",
    ],
)
@pytest.mark.parametrize("round_", [0, 1, 5])
def test_process_that_ends_anywhere_loses_and_doubles_nothing(
    platform: Platform, received: Sink, monkeypatch: pytest.MonkeyPatch, place: str, round_: int
) -> None:
    """At the first look, at the page, at the repair: the next process goes on."""
    looks = [june(3, 8), *(june(3, 8, minute) for minute in range(1, 9))]
    for number, at in enumerate(looks):
        if number == 3:
            platform.commits.publish("2026-06-02", june(3, 8, 2, 30))
        if number == round_:
            monkeypatch.setattr("watermain.failpoint._HIT", {})
            monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{place}=raise")
            with suppress(RuntimeError):
                platform.look(at)
            monkeypatch.delenv("WATERMAIN_FAILPOINT")
            platform.begin()
        platform.look(at)
    assert received.pages() == [(str(FEES), "fired"), (str(FEES), "fixed")]
    assert platform.open() == []


def test_late_dataset_below_a_late_one_has_its_cause(lake: Lake, received: Sink) -> None:
    """One alert at the highest, which says whom it reaches."""
    platform = Platform(lake, received, promise(SLO), promise(TWO_HOURS, name=ORDERS))
    platform.look(june(3, 8))
    platform.look()
    assert received.pages() == [(str(ORDERS), "fired")]
    text = received.posted[0][1]["message"]
    assert f"reaches    1 dataset: {FEES}" in text
    assert "owner      team:billing" in text
    platform.commits.publish("2026-06-02", june(3, 8, 3), ORDERS)
    for _ in range(5):
        platform.look()
    (alert,) = platform.open()
    assert alert.members == (FEES, ORDERS)
    platform.commits.publish("2026-06-02", platform.now)
    for _ in range(5):
        platform.look()
    assert received.pages()[1:] == [(str(ORDERS), "fixed")]


def test_failed_attempt_is_the_cause_and_no_alert_of_its_own(
    platform: Platform, received: Sink
) -> None:
    """It retries and gives up without a word; what is late below it is told under its name."""
    attempts = Attempts(platform.lake.dsn())
    tried = Attempt(wanted="a", tries=5, state="failed", why="no disk", run="r", at=june(2, 3))
    attempts.write({(ORDERS, "2026-06-02"): tried})
    platform.look(june(2, 1))
    assert platform.open() == []
    platform.look(june(3, 8))
    assert received.posted == []
    assert [alert.root for alert in platform.open()] == [ORDERS]
    assert [alert.owner for alert in platform.open()] == ["team:orders"]


def test_failure_of_another_partition_explains_nothing(platform: Platform) -> None:
    """A partition that was given up in May is not why June is late."""
    tried = Attempt(wanted="a", tries=5, state="failed", why="no", run="r", at=june(1, 3))
    Attempts(platform.lake.dsn()).write({(ORDERS, "2026-05-02"): tried})
    platform.look(june(3, 8))
    assert [alert.root for alert in platform.open()] == [FEES]


def test_nothing_is_said_to_be_well_while_the_lake_cannot_be_asked(
    platform: Platform, received: Sink
) -> None:
    """A correction would end the alert; unmeasured, it stands until somebody judges again."""
    platform.look(june(3, 8))
    platform.look()
    platform.commits.is_away = True
    for _ in range(2):
        platform.look()
    platform.book.correct(
        FEES, "2026-06-02", "good", why="it was there", by="ann", now=platform.now
    )
    for _ in range(5):
        platform.look()
    assert len(platform.open()) == 1
    platform.commits.is_away = False
    for _ in range(4):
        platform.look()
    assert received.pages() == [(str(FEES), "fired"), (str(FEES), "fixed")]
    text = received.posted[1][1]["message"]
    assert "2026-06-02 is good, signed by ann: it was there" in text


def test_promise_that_ended_ends_its_alert(platform: Platform, received: Sink) -> None:
    """It says so."""
    platform.look(june(3, 8))
    platform.look()
    platform.known = RoomPromises((), frozenset({"billing"}))
    for _ in range(4):
        platform.look()
    assert received.pages()[-1] == (str(FEES), "fixed")
    assert "it promises nothing any more" in received.posted[-1][1]["message"]


def test_nobody_is_told_and_that_is_said_once(platform: Platform, received: Sink) -> None:
    """Alerts are kept; a notifier that is declared later hears of what is still open."""
    words, platform.words = platform.words, {}
    assert platform.look(june(3, 8)) == NOBODY
    assert platform.look().endswith("(no notifier takes it)")
    assert platform.look() == ""
    assert [alert.state for alert in platform.open()] == ["firing"]
    platform.words = words
    for _ in range(2):
        platform.look(after=timedelta(hours=1))
    assert received.pages() == [(str(FEES), "reminder")]
    platform.words = {}
    assert platform.look() == NOBODY


def test_alertmanager_hears_of_what_is_open_each_minute(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivery is asked for though nothing waits."""
    platform.words = {"manager": AlertmanagerConnection("manager", address="http://127.0.0.1:1")}
    asked, real = list[datetime](), platform.deliver

    def deliver(now: datetime) -> Delivered:
        asked.append(now)
        return real(now)

    monkeypatch.setattr(platform, "deliver", deliver)
    platform.begin()
    platform.look(june(3, 8))
    assert asked == []
    assert "did not take an alert" in platform.look()
    for second in range(10, 130, 10):
        platform.look(june(3, 8, 1 + second // 60, second % 60))
    assert len(asked) < 8
    assert asked[-1] > june(3, 8, 2)


def _window(budget: str) -> Maintenance:
    return Maintenance(
        name="upgrade",
        covers=("billing",),
        begins_at=june(2, 1),
        ends_at=june(2, 4),
        budget="excused" if budget == "excused" else "counts",
    )


@pytest.mark.parametrize(("budget", "state"), [("excused", "excused"), ("counts", "bad")])
def test_window_says_what_becomes_of_the_budget(
    platform: Platform, budget: str, state: str
) -> None:
    """What is due in it is excused before, or counts; what is due after it counts."""
    platform.windows = (_window(budget),)
    platform.look(june(1, 23, 59))
    assert platform.book.excuses([FEES]) == {}
    said = platform.planned(june(2, 0, 30))
    told = f"{FEES} 2026-06-01 is excused, maintenance: upgrade"
    assert said == (told if budget == "excused" else "")
    assert platform.planned(june(2, 0, 31)) == ""
    platform.look(june(3, 8))
    found = platform.book.verdicts([FEES], june(1), platform.now)[FEES]
    assert [found[key].state for key in ("2026-06-01", "2026-06-02")] == [state, "bad"]


def test_window_that_is_written_down_afterwards_excuses_nothing(platform: Platform) -> None:
    """What was due already counts as it was."""
    platform.windows = (_window("excused"),)
    assert platform.planned(june(2, 2, 30)) == ""
    platform.look(june(2, 3))
    found = platform.book.verdicts([FEES], june(1), platform.now)[FEES]
    assert found["2026-06-01"].state == "bad"


def test_calendar_that_cannot_be_read_keeps_nobody_from_being_told(platform: Platform) -> None:
    """The windows of before hold no longer."""
    platform.windows = (_window("counts"),)
    platform.planned(june(2))
    assert platform.planned.windows == platform.windows

    def torn(now: datetime) -> tuple[Maintenance, ...]:
        raise UnreachableSystemError.nothing_happened("torn", declared="a test", next="mend it")

    planned = Planned(platform.book, lambda now: platform.windows)
    planned(june(2))
    planned._read = torn
    with pytest.raises(UnreachableSystemError):
        planned(june(2))
    assert planned.windows == ()
