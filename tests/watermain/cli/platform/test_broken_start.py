"""A platform that starts for the first time while some of its rooms do not load."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.services.whole_platform import Platform
from watermain import durable
from watermain.process.web import Web

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SOUND = ("sales", "care", "upkeep")
KEPT, DAYS = 10, 3  # of what the template delivers, with the day that is delivered at first
DAY = "2026-01-0{day}"
HEADER = "order_id,ordered_at,customer,amount"


@dataclass(frozen=True)
class Ill:
    """A way in which a room does not load, and what is said of it."""

    old: str
    new: str
    said: str


ILLS = {
    "torn": Ill("", "\n\ndef broken(:\n", "SyntaxError: invalid syntax"),
    "raising": Ill("", "\n\n1 / 0\n", "ZeroDivisionError: division by zero"),
    "refused": Ill(
        '"sales.curated.orders"',
        '"sales.curated.odors"',
        "refused.curated.orders: no room declares the dataset `sales.curated.odors`",
    ),
}


@dataclass
class Start:
    """A platform, what its start told, and what `status` told of services meanwhile."""

    platform: Platform
    told: str = ""
    states: list[dict[str, str]] = field(default_factory=list)

    def shelf(self, room: str) -> Path:
        """The file that breaks a room."""
        return self.platform.root / "platform_assets" / room / "curated.py"

    def rows(self) -> dict[str, int]:
        """How many rows each dataset has that has any."""
        done = self.platform.run("status", "--json")
        return {d["dataset"]: d["rows"] for d in json.loads(done.stdout)["datasets"] if d["rows"]}

    def look(self) -> None:
        """Keep what `status` tells now; nothing where there is no lake to ask yet."""
        done = self.platform.run("status", "--json")
        facts: dict[str, Any] = json.loads(done.stdout or "{}")
        if facts:
            self.states.append({s["name"]: s["state"] for s in facts["services"] if s["needed"]})

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """Look again and again until the block ends."""
        over = threading.Event()

        def looks() -> None:
            while not over.wait(2.0):
                self.look()

        thread = threading.Thread(target=looks)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def deliver(platform: Platform, day: int) -> None:
    """Let a file of orders come."""
    at = DAY.format(day=day)
    rows = [f"{at}-{n},{at}T0{n}:00:00Z,Ada,{n}.50" for n in range(5)]
    text = "\n".join([HEADER, *rows, ""])
    durable.replace(platform.root / "inbox" / f"orders-{at}.csv", text)


def until(true: Callable[[], object]) -> bool:
    """Wait up to five minutes."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(1.0)
    return False


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A company whose two sound rooms start beside three that do not load."""
    folder = tmp_path_factory.mktemp("broken")
    outside = Platform(folder, folder / "data", free_port())
    outside.sound("init", "shop")
    start = Start(Platform(folder / "shop", folder / "data", outside.port))
    for room in ("care", *ILLS):
        start.platform.sound("new", "room", room, "--reads", "sales.curated.orders")
    for room, ill in ILLS.items():
        text = start.shelf(room).read_text()
        start.shelf(room).write_text(text.replace(ill.old, ill.new) if ill.old else text + ill.new)
    deliver(start.platform, 1)
    try:
        with start.looked_at():
            done = start.platform.run("up", "--detach", "--port", str(start.platform.port))
        assert done.returncode == 0, done.stderr
        start.told = done.stderr
        yield start
    finally:
        start.platform.sound("down")


def test_each_room_that_does_not_load_is_told_with_its_line(start: Start) -> None:
    """By `up` as it starts, and by `status` whenever it is asked, which then ends with 1."""
    done = start.platform.run("status")
    assert done.returncode == 1, done.stderr
    for room, ill in ILLS.items():
        for told in (start.told, done.stderr):
            assert f"room {room} does not load: {ill.said}" in told
            assert f"platform_assets/{room}/curated.py:" in told
    assert done.stderr.count("room torn does not load") == 1
    known = json.loads(start.platform.run("status", "--json").stdout)["rooms_not_loading"]
    assert sorted(known) == sorted(ILLS)
    assert start.platform.run("check").returncode == 1


def test_every_other_room_is_served_with_its_data(start: Start) -> None:
    """What waited at the source was captured, and computed up to the reader in another room."""
    states = Web(start.platform.url).locations()
    assert {room for room, why in states.items() if not why} == set(SOUND)
    assert set(states) == {*SOUND, *ILLS}
    rows = start.rows()
    assert rows["care.curated.orders"] == rows["sales.curated.orders"] == KEPT, rows
    assert rows["sales.marts.fct_daily_sales"] == DAYS, rows


def test_what_was_still_to_start_was_starting(start: Start) -> None:
    """As long as `up` was at work `status` missed nothing; the last services came at the end."""
    assert start.states
    assert {state for seen in start.states for state in seen.values()} == {"starting", "runs"}
    assert any(seen["observe"] == "starting" and seen["web"] == "runs" for seen in start.states)
    start.look()
    assert set(start.states[-1].values()) == {"runs"}


def test_data_go_on_in_the_other_rooms(start: Start) -> None:
    """Another day is delivered, and reaches the reader by itself."""
    deliver(start.platform, 2)
    assert until(lambda: start.rows().get("care.curated.orders") == KEPT + 5), start.rows()


def test_mended_rooms_light_up_by_themselves(start: Start) -> None:
    """They are served and filled without another command; `status` ends with 0 again."""
    for room, ill in ILLS.items():
        text = start.shelf(room).read_text()
        mended = text.replace(ill.new, ill.old) if ill.old else text.removesuffix(ill.new)
        durable.replace(start.shelf(room), mended)
    web = Web(start.platform.url)
    assert until(lambda: not any(web.locations().values())), web.locations()
    wanted = dict.fromkeys((f"{room}.curated.orders" for room in ILLS), KEPT + 5)
    assert until(lambda: wanted.items() <= start.rows().items()), start.rows()
    done: subprocess.CompletedProcess[str] = start.platform.run("status")
    assert (done.returncode, "does not load" in done.stderr) == (0, False), done.stderr
