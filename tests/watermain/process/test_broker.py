"""The embedded broker of Kafka's protocol."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from watermain.declare.errors import UnreachableSystemError
from watermain.process.broker import EmbeddedBroker, answers, free_port


def test_broker_answers_on_loopback_alone_until_it_is_stopped(tmp_path: Path) -> None:
    """Only the process that was started is ended."""
    broker = EmbeddedBroker(log=tmp_path / "logs" / "broker.log")
    broker.start()
    assert answers(broker.port)
    assert broker.pid is not None
    child = psutil.Process(broker.pid)
    listening = [c.laddr for c in child.net_connections() if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    broker.stop()
    broker.stop()
    assert not answers(broker.port)
    assert broker.pid is None
    assert not child.is_running()


def test_broker_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    """Its port belongs to an address that this machine does not have."""
    broker = EmbeddedBroker(log=tmp_path / "broker.log", port=1_000_000)
    with pytest.raises(UnreachableSystemError, match="nothing answers") as caught:
        broker.start()
    assert caught.value.next == f"tail {tmp_path / 'broker.log'}"


def test_free_port_is_free() -> None:
    """Nobody listens there."""
    assert not answers(free_port())
