"""Consumers are known by their keys, held to their rates."""

from __future__ import annotations

import hmac
import logging
from http import HTTPStatus
from pathlib import Path

import orjson
import pytest

from watermain.declare.errors import MissingSettingError
from watermain.record.tally import Denial
from watermain.serve.feature_server import consumers
from watermain.serve.feature_server.consumers import (
    Doorkeeper,
    add_consumer,
    keys_path,
    read_consumers,
    remove_consumer,
)
from watermain.serve.feature_server.problem import RefusedRequestError
from watermain.settings import Settings


class Hand:
    """A clock whose hand is moved by the test."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the consumers are."""
    return tmp_path / "keys" / "serve-keys.json"


@pytest.fixture
def hand() -> Hand:
    """A clock."""
    return Hand()


def refused(door: Doorkeeper, authorization: str | None) -> RefusedRequestError:
    """What is said to who is not let in."""
    with pytest.raises(RefusedRequestError) as caught:
        door.admit(authorization)
    return caught.value


def test_key_is_kept_nowhere(path: Path) -> None:
    """The file holds a print of the key, is for its owner's eyes."""
    key = add_consumer(path, "alerts", 100)
    assert len(key) > 40
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert orjson.loads(path.read_bytes())["alerts"].keys() == {"sha256", "rate"}


def test_keys_differ(path: Path) -> None:
    """No two consumers have the same."""
    assert add_consumer(path, "a", 1) != add_consumer(path, "b", 1)
    assert {n: c.rate for n, c in read_consumers(path).items()} == {"a": 1, "b": 1}


def test_consumer_is_let_in_by_its_key(path: Path, hand: Hand) -> None:
    """Its name is told."""
    keys = {name: add_consumer(path, name, 100) for name in ("alerts", "planning")}
    door = Doorkeeper(path, hand)
    assert {name: door.admit(f"Bearer {key}") for name, key in keys.items()} == {
        "alerts": "alerts",
        "planning": "planning",
    }


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, HTTPStatus.UNAUTHORIZED),
        ("", HTTPStatus.UNAUTHORIZED),
        ("Basic YTpi", HTTPStatus.UNAUTHORIZED),
        ("Bearer", HTTPStatus.UNAUTHORIZED),
        ("Bearer ", HTTPStatus.FORBIDDEN),
        ("Bearer wm_unknown", HTTPStatus.FORBIDDEN),
        ("Bearer \u00e4\u20ac", HTTPStatus.FORBIDDEN),
    ],
)
def test_others_are_not_let_in(
    path: Path, hand: Hand, authorization: str | None, status: HTTPStatus
) -> None:
    """401 asks for a key, 403 knows the key of nobody."""
    add_consumer(path, "alerts", 100)
    denied: list[Denial] = []
    error = refused(Doorkeeper(path, hand, denied.append), authorization)
    assert error.status == status
    assert [(each.kind, each.who) for each in denied] == [("key", "nobody")]
    assert "wm_" not in denied[0].detail
    assert ("www-authenticate" in error.headers) == (status == HTTPStatus.UNAUTHORIZED)
    assert "wm_" not in str(error)


def test_print_of_a_key_is_no_key(path: Path, hand: Hand) -> None:
    """Who reads the file cannot ask."""
    add_consumer(path, "alerts", 100)
    stolen = read_consumers(path)["alerts"].sha256
    assert refused(Doorkeeper(path, hand), f"Bearer {stolen}").status == HTTPStatus.FORBIDDEN


def test_every_print_is_compared_in_constant_time(
    path: Path, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search does not end at the first match."""
    key = add_consumer(path, "a", 100)
    add_consumer(path, "b", 100)
    compared = []

    def compare(left: str, right: str) -> bool:
        compared.append((left, right))
        return hmac.compare_digest(left, right)

    door = Doorkeeper(path, hand)
    monkeypatch.setattr(consumers, "hmac", type("Counting", (), {"compare_digest": compare}))
    assert door.admit(f"Bearer {key}") == "a"
    assert len(compared) == 2


def test_consumer_is_held_to_its_rate(path: Path, hand: Hand) -> None:
    """Each has an allowance of its own; what is not counted passes."""
    slow, fast = (f"Bearer {add_consumer(path, n, r)}" for n, r in (("slow", 2), ("fast", 100)))
    door = Doorkeeper(path, hand)
    assert [door.admit(slow), door.admit(slow)] == ["slow", "slow"]
    error = refused(door, slow)
    assert error.status == HTTPStatus.TOO_MANY_REQUESTS
    assert error.headers == {"retry-after": "1"}
    assert error.what == "more than 2 requests a second of `slow`"
    assert door.admit(slow, counted=False) == "slow"
    assert door.admit(fast) == "fast"
    hand.at += 0.5
    assert door.admit(slow) == "slow"


def test_changed_file_is_read_again(path: Path, hand: Hand) -> None:
    """New consumers come in, removed ones stay out, a second later."""
    first = f"Bearer {add_consumer(path, 'first', 1)}"
    door = Doorkeeper(path, hand)
    assert door.admit(first) == "first"
    second = f"Bearer {add_consumer(path, 'second', 5)}"
    assert refused(door, second).status == HTTPStatus.FORBIDDEN
    hand.at += consumers.LOOK_SECONDS / 2
    assert refused(door, second).status == HTTPStatus.FORBIDDEN
    hand.at += consumers.LOOK_SECONDS / 2
    assert door.admit(second) == "second"
    remove_consumer(path, "first")
    hand.at += consumers.LOOK_SECONDS
    assert refused(door, first).status == HTTPStatus.FORBIDDEN
    path.unlink()
    hand.at += consumers.LOOK_SECONDS
    assert refused(door, second).status == HTTPStatus.FORBIDDEN


def test_allowance_survives_a_change_of_others(path: Path, hand: Hand) -> None:
    """Who spent its second's worth has not got it back."""
    key = f"Bearer {add_consumer(path, 'slow', 0.1)}"
    door = Doorkeeper(path, hand)
    door.admit(key)
    add_consumer(path, "other", 1)
    hand.at += consumers.LOOK_SECONDS
    assert refused(door, key).status == HTTPStatus.TOO_MANY_REQUESTS


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"a": {"sha256": "short", "rate": 1}}',
        b'{"a": {"sha256": "%s", "rate": 0}}' % (b"0" * 64),
        b'{"a": {"sha256": "%s", "rate": 1, "key": "x"}}' % (b"0" * 64),
        b'{"a": {"sha256": "%s", "rate": "many"}}' % (b"0" * 64),
    ],
)
def test_broken_file_is_told(
    path: Path, hand: Hand, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """At start nothing starts; later those known before are let in, the log tells."""
    key = f"Bearer {add_consumer(path, 'alerts', 100)}"
    door = Doorkeeper(path, hand)
    path.write_bytes(content)
    hand.at += consumers.LOOK_SECONDS
    with caplog.at_level(logging.ERROR):
        assert door.admit(key) == "alerts"
    assert "consumers stay as they were" in caplog.text
    with pytest.raises(MissingSettingError, match="the consumers' file cannot be read") as caught:
        Doorkeeper(path, hand)
    assert caught.value.declared == str(path)


@pytest.mark.parametrize(
    ("name", "rate", "what"),
    [
        ("alerts", 1, "the consumer `alerts` has a key"),
        ("Alerts", 1, "'Alerts' at 1 requests a second is no consumer"),
        ("", 1, "'' at 1 requests"),
        ("planning", 0, "'planning' at 0 requests"),
        ("planning", float("nan"), "'planning' at nan requests"),
        ("planning", 1e9, "'planning' at 1e"),
    ],
)
def test_odd_consumer_is_refused(path: Path, name: str, rate: float, what: str) -> None:
    """Nothing is written."""
    add_consumer(path, "alerts", 100)
    before = path.read_bytes()
    with pytest.raises(MissingSettingError) as caught:
        add_consumer(path, name, rate)
    assert caught.value.what.startswith(what)
    assert path.read_bytes() == before


def test_key_is_replaced_when_asked(path: Path, hand: Hand) -> None:
    """The old one ends."""
    old = add_consumer(path, "alerts", 100)
    new = add_consumer(path, "alerts", 5, replace=True)
    door = Doorkeeper(path, hand)
    assert door.admit(f"Bearer {new}") == "alerts"
    assert refused(door, f"Bearer {old}").status == HTTPStatus.FORBIDDEN


def test_unknown_consumer_is_answered_with_known_ones(path: Path) -> None:
    """A typo is answered with what was meant."""
    with pytest.raises(MissingSettingError, match="none: there are no consumers"):
        remove_consumer(path, "alerts")
    add_consumer(path, "alerts", 100)
    with pytest.raises(MissingSettingError, match="use one of `alerts`"):
        remove_consumer(path, "alert")


def test_path_is_a_setting(tmp_path: Path) -> None:
    """By default it lies in the data folder."""
    assert keys_path(Settings(data_dir=tmp_path)) == tmp_path / "serve-keys.json"
    other = tmp_path / "other.json"
    assert keys_path(Settings(data_dir=tmp_path, serve_keys=other)) == other
