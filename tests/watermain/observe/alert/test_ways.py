"""The same alerts lead to the same pages, by an Alertmanager or by apprise."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.watermain.observe.sink import Sink
from tests.watermain.observe.trouble import CHAIN, MINUTE, late, lineage, name
from watermain.declare.connection.connection import Connection
from watermain.declare.connection.notifier import AlertmanagerConnection, NotifierConnection
from watermain.observe.alert.alert import Sighting
from watermain.observe.alert.alertmanager import AlertmanagerWay
from watermain.observe.alert.apprise_way import AppriseWay
from watermain.observe.alert.book import AlertBook, Posted
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.policy import Patience
from watermain.observe.alert.step import AlertStep, heartbeat, notifiers, ways
from watermain.observe.alert.way import UndeliveredError
from watermain.settings import load_settings

CONFIG = """
route:
  receiver: sink
  group_by: [cause_id]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
receivers:
- name: sink
  webhook_configs:
  - url: {url}
    send_resolved: true
"""


class Desk:
    """A step, a sink behind it, looks that are minutes apart and over by now."""

    def __init__(
        self, received: Sink, words: Sequence[Connection], dsn: str, graph: Lineage
    ) -> None:
        self.sink = received
        self.at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
        known = notifiers({word.name: word for word in words})
        opened = ways(known, load_settings(), Path("/nonexistent"))
        self.book = AlertBook(dsn)
        self.step = AlertStep(self.book, graph, known, opened, Patience())

    def look(self, *datasets: object, after: timedelta = MINUTE, more: int = 0) -> None:
        """Look once, wait until so many more pages came."""
        self.at += after
        signals = tuple(late(d, self.at) if isinstance(d, str) else d for d in datasets)
        before = len(self.sink.posted)
        told = self.step.step(Sighting(at=self.at, signals=signals))  # type: ignore[arg-type]
        assert told.delivered.failed == ()
        self.sink.wait(before + more)


@pytest.fixture(params=["apprise", pytest.param("alertmanager", marks=pytest.mark.services)])
def words(
    request: pytest.FixtureRequest, received: Sink, tmp_path: Path
) -> Iterator[list[Connection]]:
    """The declared ways to the sink."""
    if request.param == "apprise":
        yield [
            NotifierConnection("first", address=received.by_apprise),
            NotifierConnection("second", address=received.by_apprise, level=1),
        ]
        return
    with alertmanager(received, tmp_path) as address:
        yield [AlertmanagerConnection("manager", address=address)]


@pytest.fixture
def dsn(home: Path) -> str:
    """A database of its own."""
    found = load_settings().postgres
    assert found
    return found


class alertmanager:
    """Debian's Alertmanager in front of the sink."""

    def __init__(self, received: Sink, folder: Path) -> None:
        self._received, self._folder = received, folder

    def __enter__(self) -> str:
        found = shutil.which("prometheus-alertmanager")
        assert found, "apt-get install prometheus-alertmanager"
        config = self._folder / "alertmanager.yml"
        config.write_text(CONFIG.format(url=self._received.by_webhook))
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [
                found,
                f"--config.file={config}",
                f"--storage.path={self._folder / 'state'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(1200):
            try:
                if httpx.get(f"{address}/-/ready").status_code == 200:
                    return address
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError("the Alertmanager did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(120)


def test_one_cause_gives_one_page_and_one_repair(
    words: list[Connection], received: Sink, dsn: str
) -> None:
    """What joins later is no page of its own; the repair is told once."""
    desk = Desk(received, words, dsn, CHAIN)
    desk.look("lines")
    desk.look("lines", "report", more=1)
    desk.look("lines", "report", "orders")
    desk.look()
    desk.look(after=3 * MINUTE, more=1)
    assert received.pages() == [("shop.curated.lines", "fired"), ("shop.curated.lines", "fixed")]


def test_two_causes_are_two_pages(words: list[Connection], received: Sink, dsn: str) -> None:
    """Each ends for itself, though one dataset reads both."""
    desk = Desk(received, words, dsn, CHAIN)
    desk.look("orders", "stock", "shelf")
    desk.look("orders", "stock", "shelf", more=2)
    desk.look("orders")
    desk.look("orders", after=3 * MINUTE, more=1)
    assert sorted(received.pages()[:2]) == [
        ("shop.curated.orders", "fired"),
        ("shop.curated.stock", "fired"),
    ]
    assert received.pages()[2:] == [("shop.curated.stock", "fixed")]


def test_unacknowledged_page_escalates_and_ends(
    words: list[Connection], received: Sink, dsn: str
) -> None:
    """The second level is told after its time; a repair ends both levels at once."""
    desk = Desk(received, words, dsn, CHAIN)
    desk.look("orders")
    desk.look("orders", more=1)
    desk.look("orders", after=16 * MINUTE, more=1)
    desk.look()
    desk.look(after=3 * MINUTE, more=1)
    received.wait(4 if len(words) == 2 else 3)
    pages = received.pages()
    assert pages[:2] == [("shop.curated.orders", "fired"), ("shop.curated.orders", "escalated1")]
    assert set(pages[2:]) == {("shop.curated.orders", "fixed")}


def test_ticket_that_becomes_a_page_is_told_again(
    words: list[Connection], received: Sink, dsn: str
) -> None:
    """Once as a ticket, once as a page; it ends once."""
    desk = Desk(received, words[:1], dsn, CHAIN)
    for _ in range(2):
        desk.look(late("orders", severity="ticket"))
    received.wait(1)
    desk.look("orders", more=1)
    desk.look()
    desk.look(after=3 * MINUTE, more=1)
    assert [kind for _, kind in received.pages()] == ["fired", "raised", "fixed"]


def test_same_cause_again_is_told_again(words: list[Connection], received: Sink, dsn: str) -> None:
    """Reopened within the hour, under the same cause."""
    desk = Desk(received, words[:1], dsn, CHAIN)
    for _ in range(2):
        desk.look("orders")
        desk.look("orders", more=1)
        desk.look()
        desk.look(after=3 * MINUTE, more=1)
    assert [kind for _, kind in received.pages()] == ["fired", "fixed", "fired", "fixed"]
    assert len(desk.book.listed(everything=True)) == 1


def test_two_hundred_descendants_are_named_in_one_page(
    words: list[Connection], received: Sink, dsn: str
) -> None:
    """One upstream failure, two hundred late datasets, exactly one page that names them."""
    below = [f"d{n}" for n in range(200)]
    graph = lineage(orders="", **dict.fromkeys(below, "orders"))
    desk = Desk(received, words[:1], dsn, graph)
    for _ in range(3):
        desk.look(*below, "orders")
    received.wait(1)
    time.sleep(2.5)  # what an Alertmanager would still say of the group
    assert received.pages() == [("shop.curated.orders", "fired")]
    body = received.posted[0][1]
    text = body.get("message") or body["alerts"][0]["annotations"]["description"]
    assert all(str(name(each)) in text for each in below)


def test_heartbeat_goes_the_way_of_an_alert(
    words: list[Connection], received: Sink, dsn: str
) -> None:
    """A sign of life leaves by the same way."""
    word = words[0]
    opened = ways(notifiers({"it": word}), load_settings(), Path("/"))["it"]  # type: ignore[dict-item]
    now = datetime.now(UTC)
    opened.send(Posted(telling=heartbeat("it", 5 * MINUTE, now), notifier="it"), now)
    received.wait(1)
    body = received.posted[0][1]
    assert "alive" in str(body)


def test_side_that_does_not_answer_is_told_of_without_its_secret(tmp_path: Path) -> None:
    """Each way names the notifier and keeps the address to itself."""
    now, port = datetime.now(UTC), free_port()
    post = Posted(telling=heartbeat("it", MINUTE, now), notifier="it")
    settings = load_settings()
    word = NotifierConnection("pager", address=f"json://127.0.0.1:{port}/s3cret")
    with pytest.raises(UndeliveredError, match="notifier `pager` did not take") as told:
        AppriseWay(word, settings, tmp_path).send(post, now)
    assert "s3cret" not in str(told.value)
    manager = AlertmanagerConnection("manager", address=f"http://127.0.0.1:{port}/s3cret")
    with pytest.raises(UndeliveredError, match="notifier `manager` did not take") as told:
        AlertmanagerWay(manager, settings).send(post, now)
    assert "s3cret" not in str(told.value)
