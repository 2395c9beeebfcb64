"""What is decided is written down whole; it goes out in its order until it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.watermain.observe.sink import Sink, sink
from tests.watermain.observe.trouble import CHAIN, MINUTE, NOON, late, name
from watermain.declare.connection.notifier import AlertmanagerConnection, NotifierConnection
from watermain.declare.errors import InvalidDeclarationError, UnreachableSystemError
from watermain.observe.alert.alert import Alert, Maintenance, Sighting
from watermain.observe.alert.apprise_way import AppriseWay
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.calendar import rotation
from watermain.observe.alert.decide import acknowledged
from watermain.observe.alert.step import AlertStep, maintenance, notifiers, ways
from watermain.observe.alert.stored import alert_facts, alert_of
from watermain.settings import load_settings

BEAT = timedelta(minutes=5)


class Post:
    """A step whose notifiers lead to a sink, with looks a minute apart."""

    def __init__(self, received: Sink, dsn: str, *words: NotifierConnection) -> None:
        mine = words or (NotifierConnection("pager", address=received.by_apprise),)
        known = notifiers({word.name: word for word in mine})
        self.received, self.now, self.book = received, NOON, AlertBook(dsn)
        opened = ways(known, load_settings(), Path("/nonexistent"))
        self.step = AlertStep(self.book, CHAIN, known, opened)

    def look(
        self, *datasets: str, after: timedelta = MINUTE, windows: Sequence[Maintenance] = ()
    ) -> tuple[str, ...]:
        """Look once; give why something did not go out."""
        self.now += after
        signals = tuple(late(each, self.now) for each in datasets)
        seen = Sighting(at=self.now, signals=signals, windows=tuple(windows))
        return self.step.step(seen).delivered.failed

    @property
    def kinds(self) -> list[str]:
        """What arrived."""
        return [kind for _, kind in self.received.pages()]


@pytest.fixture
def dsn(home: Path) -> str:
    """A database of its own."""
    found = load_settings().postgres
    assert found
    return found


def test_what_is_refused_is_kept_and_arrives_later_in_order(received: Sink, dsn: str) -> None:
    """A service that is away for an hour is told everything once, its beginning first."""
    post = Post(received, dsn)
    received.status = 503
    post.look("orders")
    (why,) = post.look("orders")
    assert "`pager` did not take an alert" in why
    post.look(after=3 * MINUTE)
    post.look(after=3 * MINUTE)
    late_ones = post.book.undelivered(post.now + timedelta(hours=1))
    assert [each.telling.kind for each in late_ones] == ["fired", "fixed"]
    assert late_ones[0].tries > 1
    assert "503" in late_ones[0].why or "answer" in late_ones[0].why
    received.status = 200
    post.look(after=timedelta(minutes=20))
    assert post.kinds == ["fired", "fixed"]
    assert post.book.undelivered(post.now + timedelta(hours=1)) == []


def test_signs_of_life_stop_while_something_does_not_arrive(received: Sink, dsn: str) -> None:
    """The pager is dead: the other way falls silent, so that somebody outside looks."""
    with sink() as broken:
        alive = NotifierConnection("alive", address=received.by_apprise, heartbeat_every=BEAT)
        post = Post(received, dsn, alive, NotifierConnection("pager", address=broken.by_apprise))
        post.look()
        assert post.kinds == ["pager/heartbeat"] or len(received.posted) == 1
        broken.status = 500
        post.look("orders", after=BEAT)
        post.look("orders")
        beats = [each for each in received.ids() if each.startswith("heartbeat")]
        for _ in range(6):
            post.look("orders", after=3 * MINUTE)
        quiet = [each for each in received.ids() if each.startswith("heartbeat")]
        assert len(quiet) <= len(beats) + 2
        for _ in range(4):
            post.look("orders", after=BEAT)
        assert [each for each in received.ids() if each.startswith("heartbeat")] == quiet
        broken.status = 200
        post.look("orders", after=timedelta(minutes=16))
        post.look("orders", after=BEAT)
        assert len([each for each in received.ids() if each.startswith("heartbeat")]) > len(quiet)


def test_sign_of_life_comes_once_in_its_time(received: Sink, dsn: str) -> None:
    """However often one looks."""
    word = NotifierConnection("alive", address=received.by_apprise, heartbeat_every=BEAT)
    post = Post(received, dsn, word)
    for _ in range(10):
        post.look()
    assert len(received.posted) in (2, 3)
    assert len(set(received.ids())) == len(received.posted)


def test_each_notifier_is_told_what_is_its_own(received: Sink, dsn: str) -> None:
    """By severity, by owner, by level of escalation."""
    to = received.by_apprise
    words = (
        NotifierConnection("pages", address=to, tells=("page",)),
        NotifierConnection("tickets", address=to, tells=("ticket",)),
        NotifierConnection("shop", address=to, owners=("team:shop",)),
        NotifierConnection("weather", address=to, owners=("team:weather",)),
        NotifierConnection("boss", address=to, level=1),
    )
    post = Post(received, dsn, *words)
    post.look("orders")
    post.look("orders")
    assert post.kinds == ["fired", "fired"]  # pages, shop
    post.look("orders", after=15 * MINUTE)
    assert post.kinds[2:] == ["escalated1"]
    post.look(after=MINUTE)
    post.look(after=3 * MINUTE)
    assert post.kinds[3:] == ["fixed"] * 3


def test_window_is_announced_at_its_beginning_and_its_end(received: Sink, dsn: str) -> None:
    """Once each, with what becomes of the budget."""
    window = Maintenance(
        name="upgrade",
        covers=("shop",),
        begins_at=NOON + MINUTE,
        ends_at=NOON + 5 * MINUTE,
        budget="excused",
    )
    post = Post(received, dsn)
    for _ in range(8):
        post.look("orders", windows=(window,))
    titles = [body["title"] for _, body in received.posted]
    assert titles == [
        "[maintenance] upgrade begins",
        "[page] shop.curated.orders: 2026-11-29 is late",
        "[maintenance] upgrade is over",
    ]
    assert "left out of the budget" in received.posted[0][1]["message"]


def test_acknowledged_alert_is_found_by_the_beginning_of_its_cause(
    received: Sink, dsn: str
) -> None:
    """Changed in one place; a cause that nobody knows is refused with those that are known."""
    post = Post(received, dsn)
    post.look("orders", "stock")
    post.look("orders", "stock")
    alert = post.book.changed(
        "shop.curated.orders", state="acknowledged", acknowledged_by="ann",
        acknowledged_until=post.now + timedelta(hours=1),
    )  # fmt: skip
    assert alert == acknowledged(alert, "ann", post.now + timedelta(hours=1))
    assert [each.state for each in post.book.listed()] == ["acknowledged", "firing"]
    for wrong in ("shop", "nothing"):
        with pytest.raises(InvalidDeclarationError, match=r"shop\.curated\.stock@"):
            post.book.changed(wrong, state="acknowledged")


def test_only_one_process_delivers(received: Sink, dsn: str) -> None:
    """While another has the outbox, nothing goes out, and nothing is lost."""
    post = Post(received, dsn)
    post.look("orders")
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("select pg_advisory_lock(hashtext('watermain outbox'))")
        assert post.look("orders") == ()
        assert received.posted == []
    post.look("orders")
    assert post.kinds == ["fired"]


def test_rolled_back_decision_tells_nobody(received: Sink, dsn: str) -> None:
    """An alert and what is told of it stand or fall with the transaction of the verdicts."""
    post = Post(received, dsn)
    post.look("orders")
    seen = Sighting(at=post.now + MINUTE, signals=(late("orders", post.now),))
    with post.book.connected() as connection:
        assert len(post.step.decide_in(connection, seen).tellings) == 1
        connection.rollback()
    assert post.step.deliver(post.now + MINUTE).sent == 0
    assert post.book.listed()[0].state == "pending"


def test_rota_leads_to_whoever_is_on_call(tmp_path: Path) -> None:
    """To everybody where nobody is; somebody without an address is refused."""
    (tmp_path / "rota.ics").write_text(rotation(("ann", "bob"), NOON), encoding="utf-8")
    people = {"ann": "json://127.0.0.1/ann", "bob": "json://127.0.0.1/bob"}
    word = NotifierConnection("pager", rota="rota.ics", people=people)
    way = AppriseWay(word, load_settings(), tmp_path)
    week = timedelta(weeks=1)
    found = [way.addresses(NOON + n * week + MINUTE) for n in range(3)]
    assert found == [[people["ann"]], [people["bob"]], [people["ann"]]]
    assert way.addresses(NOON - MINUTE) == list(people.values())
    stranger = NotifierConnection("pager", rota="rota.ics", people={"bob": people["bob"]})
    with pytest.raises(InvalidDeclarationError, match="ann is on call and has no address"):
        AppriseWay(stranger, load_settings(), tmp_path).addresses(NOON + MINUTE)
    lost = NotifierConnection("pager", rota="nowhere.ics", people=people)
    with pytest.raises(InvalidDeclarationError, match="cannot be read"):
        AppriseWay(lost, load_settings(), tmp_path).addresses(NOON)


def test_maintenance_is_read_from_the_projects_calendar(tmp_path: Path) -> None:
    """None where there is none."""
    assert maintenance(tmp_path, NOON) == ()
    (tmp_path / "maintenance.ics").write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        "DTSTART:20261130T120000Z\r\nDTEND:20261130T130000Z\r\nSUMMARY:upgrade\r\n"
        "CATEGORIES:shop\r\nX-WATERMAIN-BUDGET:counts\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        encoding="utf-8",
    )
    (window,) = maintenance(tmp_path, NOON)
    assert window.holds(name("orders"), NOON)
    assert not window.holds(name("orders"), NOON + timedelta(hours=1))
    assert not window.holds(name("weather.raw.observations"), NOON)


def test_database_that_is_away_is_told_in_four_lines(received: Sink) -> None:
    """Nothing is lost: the next look finds the same signals."""
    post = Post(received, "host=127.0.0.1 port=1 dbname=x")
    with pytest.raises(UnreachableSystemError, match="does not answer"):
        post.look("orders")


def test_alert_is_kept_as_it_is(received: Sink, dsn: str) -> None:
    """Every field, through the table and back."""
    post = Post(received, dsn)
    for datasets in (["orders", "lines"], ["orders"], [], []):
        post.look(*datasets, after=3 * MINUTE)
    (kept,) = post.book.listed(everything=True)
    assert kept.state == "resolved"
    assert alert_of(alert_facts(kept)) == kept
    assert isinstance(kept.resolved_at, datetime)
    assert isinstance(kept, Alert)


def test_alertmanager_is_left_its_own() -> None:
    """It reminds by itself; it is handed everything else."""
    word = AlertmanagerConnection("manager", address="http://127.0.0.1:9093", tells=("page",))
    assert not word.takes("reminder", "page", "", 0)
    assert word.takes("escalated", "page", "", 2)
    assert not word.takes("fired", "ticket", "", 0)
