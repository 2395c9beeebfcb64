"""`watermain serve` answers until it is stopped; `watermain consumer` says who may ask."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.watermain.cli.listen.test_listen import listening
from tests.watermain.cli.test_command import watermain
from watermain.cli.exits import WRONG_USE
from watermain.cli.listen import consumer, serve
from watermain.declare import FeatureSet
from watermain.declare.errors import InvalidDeclarationError, MissingSettingError
from watermain.orchestrate import location
from watermain.serve.feature_server.consumers import add_consumer, keys_path, read_consumers
from watermain.settings import child_environment, load_settings

# The real server over a store in memory, which takes its time for one airport.
PROGRAM = """
import os, sys, time
from datetime import UTC, datetime
from tests.watermain.serve.feature_server.delays import DATASETS, SET, AIRPORT_2, MemoryStore
from watermain.serve.feature_server.reader import ThreadReader
class Slow(MemoryStore):
    def get(self, wanted):
        if b"SLOW" in wanted[0][1]:
            os.write(1, b"asked" + bytes([10]))  # whole, whatever other threads write
            time.sleep(1)
        return super().get(wanted)
store = Slow()
store.hold(AIRPORT_2, ["JFK"], datetime.now(UTC), mean=1.5, p90=2.0)
import watermain.cli.listen.serve as command
command.everything = lambda: {d.name: d for d in DATASETS}
command.teams = lambda: ["prediction"]
command.feature_sets = lambda team: (SET,)
command.reader_of = lambda settings: ThreadReader(lambda: store)
from watermain.__main__ import main
sys.argv = ["watermain", "serve", *sys.argv[1:]]
main()
"""
QUESTION = {
    "features": ["prediction.features.airport_delay"],
    "entities": {"airport": ["JFK"]},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder without a database."""
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    return tmp_path


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; give its process, its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--port", str(port), *words],
        env=child_environment(WATERMAIN_DATA_DIR=str(home)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        listening(port, process)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def ask(url: str, airport: str = "JFK", key: str = "") -> httpx.Response:
    """Ask for one airport."""
    question = {**QUESTION, "entities": {"airport": [airport]}}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.post(
        f"{url}/v1/features", json=question, headers=headers, timeout=60, trust_env=False,
        verify=False,
    )  # fmt: skip


@pytest.mark.slow
def test_questions_under_way_are_answered_at_the_end(home: Path) -> None:
    """A signal closes the door; who is inside is served, then the process ends by itself."""
    with serving(home, "--open") as (process, url), ThreadPoolExecutor(3) as pool:
        assert ask(url).json()["tables"][0]["features"] == [{"mean": 1.5, "p90": 2.0}]
        pending = [pool.submit(ask, url, "SLOW") for _ in range(3)]
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in pending] == ["asked\n"] * 3
        process.send_signal(signal.SIGTERM)
        assert [p.result().json()["tables"][0]["status"] for p in pending] == [["missing"]] * 3
        assert process.wait(timeout=240) in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            ask(url)


@pytest.mark.slow
def test_consumers_come_go_while_the_server_runs(home: Path) -> None:
    """A new key is known, a removed one is not, without a restart."""
    path = keys_path(load_settings())
    first = add_consumer(path, "first", 1000)
    with serving(home) as (_, url):
        assert ask(url, key=first).status_code == 200
        assert ask(url).status_code == 401
        second = add_consumer(path, "second", 1)
        eventually(url, second, 200)
        assert [ask(url, key=second).status_code for _ in range(4)].count(429) >= 2
        assert (
            watermain("consumer", "remove", "first", WATERMAIN_DATA_DIR=str(home)).returncode == 0
        )
        eventually(url, first, 403)


def eventually(url: str, key: str, status: int) -> None:
    """Wait until a key has this answer."""
    deadline = time.monotonic() + 120
    while ask(url, key=key).status_code != status:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_server_does_not_start_without_consumers(home: Path) -> None:
    """It says how to make one."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=child_environment(WATERMAIN_DATA_DIR=str(home)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == WRONG_USE
    assert "MissingSettingError: no consumer may ask the feature server" in done.stderr
    assert "next      watermain consumer add NAME" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_open_server_listens_on_loopback(host: str) -> None:
    """Only this machine reaches it."""
    serve.check_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_open_server_is_refused_elsewhere(host: str) -> None:
    """Nobody answers everybody."""
    with pytest.raises(MissingSettingError, match="would answer everybody"):
        serve.check_loopback(host)


def test_server_needs_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a feature table there is nothing to serve."""
    monkeypatch.setattr("watermain.cli.listen.serve.everything", dict)
    monkeypatch.setattr("watermain.cli.listen.serve.teams", list)
    with pytest.raises(InvalidDeclarationError, match="no feature table is kept online"):
        serve.served_catalog()


def test_feature_sets_are_found_in_a_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a team names in its features; a room without features has none."""

    room = type(sys)("platform_assets.nobody.features")
    found = FeatureSet(name="departure", features=("x",), owner="team:nobody")
    vars(room).update(one=found, two="no set", __spec__=ModuleSpec(room.__name__, None))
    package = type(sys)("nobody")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "platform_assets.nobody", package)
    monkeypatch.setitem(sys.modules, room.__name__, room)
    assert location.feature_sets("nobody") == (found,)
    assert location.feature_sets("weather") == ()


def test_key_is_printed_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key alone is on the output, so that a script can take it."""
    consumer.add("alerts", rate=50, replace=False)
    told = capsys.readouterr()
    key = told.out.strip()
    assert key.startswith("wm_")
    assert key not in told.err
    assert "alerts: 50 requests a second" in told.err
    assert read_consumers(keys_path(load_settings()))["alerts"].rate == 50


def test_consumers_are_listed_without_keys(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names with rates, for people, for scripts."""
    consumer.add("alerts", rate=50, replace=False)
    capsys.readouterr()
    consumer.show(as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"consumer": "alerts", "rate": 50}]
    consumer.remove("alerts")
    consumer.show(as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_consumers_are_shown_to_people(home: Path) -> None:
    """The command prints a table."""
    add_consumer(keys_path(load_settings()), "alerts", 2.5)
    done = watermain("consumer", "list", WATERMAIN_DATA_DIR=str(home))
    assert done.stdout.split() == ["consumer", "requests", "a", "second", "alerts", "2.5"]
