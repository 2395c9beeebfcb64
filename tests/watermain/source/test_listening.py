"""Live kinds of source hear what comes, confirm nothing by it, lose nothing of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.watermain.source.brokered import MqttKind
from tests.watermain.source.kinds import Kind, Ledger, PostgresKind, thing
from watermain.source.opening import OPENERS
from watermain.source.protocol import Listener

LIVE = ("postgres", "kafka", "mqtt", "webhook")
LONG = 120.0


@pytest.fixture(params=LIVE)
def live(request: pytest.FixtureRequest) -> Kind:
    """A new outside system of a live kind."""
    found: Kind = request.getfixturevalue(f"{request.param}_kind")
    return found


@contextmanager
def listening(kind: Kind, ledger: Ledger, stop: threading.Event) -> Iterator[threading.Thread]:
    """Listen beside the test, on from where the ledger stands; then it has been heard."""
    source = kind.open()
    assert isinstance(source, Listener)
    thread = threading.Thread(
        target=source.listen,
        kwargs={"after": ledger.positions, "seconds": LONG, "stop": stop},
    )
    thread.start()
    try:
        yield thread
    finally:
        thread.join(LONG / 2)
        assert not thread.is_alive()
    assert ledger.capture(source) is not None  # by the same source, which may hold what it heard


def test_every_live_kind_can_be_listened_to() -> None:
    """What a stream captures by default is not asked again and again."""
    from importlib import import_module

    for word, place in OPENERS.items():
        module, _, name = place.partition(":")
        hears = hasattr(getattr(import_module(module), name), "listen")
        assert hears is word.is_live, word


def test_what_comes_is_heard(live: Kind, ledger: Ledger) -> None:
    """The listener returns soon, and what it heard is captured once."""
    live.add([thing(1)])
    ledger.capture(live.open())
    with listening(live, ledger, threading.Event()):
        time.sleep(0.3)
        live.add([thing(2)])
    assert ledger.rows("id") == [("1",), ("2",)]
    assert ledger.capture(live.open()) == []


def test_what_waits_already_is_heard_at_once(live: Kind, ledger: Ledger) -> None:
    """It came between the last reading and the listening."""
    live.add([thing(1)])
    ledger.capture(live.open())
    live.add([thing(2), thing(3)])
    with listening(live, ledger, threading.Event()):
        pass
    assert ledger.rows("id") == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize("ends", [lambda stop: stop.set(), lambda stop: None])
def test_silence_ends_with_the_time_or_when_it_is_told_to_stop(
    live: Kind, ledger: Ledger, ends: Callable[[threading.Event], None]
) -> None:
    """Afterwards everything is as before: what comes then is captured once."""
    live.add([thing(1)])
    ledger.capture(live.open())
    stop = threading.Event()
    ends(stop)
    source = live.open()
    assert isinstance(source, Listener)
    source.listen(after=ledger.positions, seconds=0.6, stop=stop)
    live.add([thing(2)])
    ledger.capture(source)
    assert ledger.rows("id") == [("1",), ("2",)]


def test_changes_of_another_table_wake_nobody(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    """A publication may hold many tables; each dataset hears its own."""
    postgres_kind.run("create table other (id int primary key)")
    postgres_kind.run("alter publication watermain add table other")
    postgres_kind.add([thing(1)])
    ledger.capture(postgres_kind.open())
    stop = threading.Event()
    with listening(postgres_kind, ledger, stop) as thread:
        postgres_kind.run("insert into other values (1)")
        thread.join(1.5)
        assert thread.is_alive()
        postgres_kind.run("truncate things")
    assert ledger.rows("_op") == [("r",), ("t",)]


def test_whoever_looks_what_waits_disturbs_no_listener(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    """A broker gives a session to one at a time: the listener yields it, and loses nothing."""
    mqtt_kind.add([thing(1)])
    ledger.capture(mqtt_kind.open())
    with listening(mqtt_kind, ledger, threading.Event()):
        time.sleep(0.5)
        assert mqtt_kind.open().backlog().rows == 0
        mqtt_kind.add([thing(2)])
    assert ledger.rows("id") == [("1",), ("2",)]
