"""The small MQTT broker, seen by a client that everybody uses."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from demo import mqtt_broker, mqtt_packets
from demo.mqtt_broker import EmbeddedMqttBroker
from demo.mqtt_journal import Journal
from demo.mqtt_packets import Cursor, MalformedPacketError


@pytest.fixture
def broker() -> Iterator[EmbeddedMqttBroker]:
    """A broker of its own."""
    server = EmbeddedMqttBroker()
    server.start()
    yield server
    server.stop()


class Peer:
    """A client that remembers what came."""

    def __init__(self, broker: EmbeddedMqttBroker, name: str, expiry: int = 0) -> None:
        self.got: list[tuple[str, bytes, int, bool]] = []
        self.said: list[Any] = []
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5, manual_ack=True
        )
        self.client.on_message = lambda _c, _u, m: self.got.append(
            (m.topic, m.payload, m.mid, m.dup)
        )
        self.client.on_subscribe = lambda _c, _u, _m, r, _p: self.said.append(r)
        self.client.on_unsubscribe = lambda _c, _u, _m, r, _p: self.said.append(r)
        self.client.on_publish = lambda _c, _u, _m, r, _p: self.said.append(r)
        self.properties = Properties(PacketTypes.CONNECT)
        self.properties.SessionExpiryInterval = expiry
        self.port = broker.port

    def connect(self) -> Peer:
        self.client.connect("127.0.0.1", self.port, clean_start=False, properties=self.properties)
        return self.until(self.client.is_connected)

    def until(self, done: Callable[[], bool]) -> Peer:
        deadline = time.monotonic() + 120
        while not done():
            assert time.monotonic() < deadline
            self.client.loop(0.05)
        return self

    def subscribe(self, pattern: str, qos: int = 1) -> Peer:
        self.client.subscribe(pattern, qos)
        return self.until(lambda: bool(self.said))

    def publish(self, topic: str, payload: str, qos: int = 1) -> Peer:
        self.said.clear()
        self.client.publish(topic, payload, qos)
        return self.until(lambda: bool(self.said))

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop(0.05)
        self.vanish()

    def vanish(self) -> None:
        """Close the connection without a word."""
        client = self.client
        client.on_message = client.on_subscribe = client.on_unsubscribe = client.on_publish = None
        if (found := client.socket()) is not None:
            found.close()
        client._sock = None


def test_message_reaches_those_whose_filter_fits(broker: EmbeddedMqttBroker) -> None:
    reader = Peer(broker, "reader").connect().subscribe("a/+/c")
    writer = Peer(broker, "writer").connect()
    writer.publish("a/b/c", "yes").publish("a/b", "no").publish("a/x/c", "fleeting", 0)
    reader.until(lambda: len(reader.got) == 2)
    assert [(topic, payload) for topic, payload, _, _ in reader.got] == [
        ("a/b/c", b"yes"),
        ("a/x/c", b"fleeting"),
    ]
    reader.leave()
    writer.leave()


def test_unconfirmed_message_comes_again_with_its_packet_id(broker: EmbeddedMqttBroker) -> None:
    reader = Peer(broker, "reader", expiry=60).connect().subscribe("#")
    writer = Peer(broker, "writer").connect().publish("t", "1").publish("t", "2")
    reader.until(lambda: len(reader.got) == 2)
    first, second = reader.got
    reader.client.ack(first[2], 1)
    reader.leave()
    writer.publish("t", "3")
    back = Peer(broker, "reader", expiry=60).connect()
    back.until(lambda: len(back.got) == 2)
    assert back.got[0] == ("t", b"2", second[2], True)
    assert back.got[1][1::2] == (b"3", False)
    back.leave()
    writer.leave()


def test_session_without_expiry_is_forgotten(broker: EmbeddedMqttBroker) -> None:
    Peer(broker, "reader").connect().subscribe("#").leave()
    writer = Peer(broker, "writer").connect().publish("t", "1")
    assert set(broker.broker.sessions) == {"writer"}
    writer.leave()


def test_will_is_spoken_for_a_client_that_vanished_only(broker: EmbeddedMqttBroker) -> None:
    reader = Peer(broker, "reader").connect().subscribe("will/#")
    for name, end in (("polite", Peer.leave), ("lost", Peer.vanish)):
        peer = Peer(broker, name)
        peer.client.will_set(f"will/{name}", "gone", qos=1)
        end(peer.connect())
    reader.until(lambda: bool(reader.got))
    assert [topic for topic, *_ in reader.got] == ["will/lost"]
    reader.leave()


def test_full_queue_refuses_the_sender(
    broker: EmbeddedMqttBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_broker, "MOST_QUEUED", 1)
    Peer(broker, "reader", expiry=60).connect().subscribe("#").leave()
    writer = Peer(broker, "writer").connect().publish("t", "1")
    assert not writer.said[0].is_failure
    writer.publish("t", "2")
    assert str(writer.said[0]) == "Quota exceeded"
    writer.leave()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        mqtt_packets.framed(mqtt_packets.CONNECT, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x00"),
        mqtt_packets.framed(mqtt_packets.PINGREQ, b""),
        b"\x10\xff\xff\xff\xff\xff",
    ],
)
def test_stranger_is_shown_the_door(broker: EmbeddedMqttBroker, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), timeout=120) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        while line.recv(1000):
            pass
    assert broker.broker.sessions == {}


@pytest.mark.parametrize(
    ("topic", "pattern", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "#", True),
        ("a", "a/#", True),
        ("a/b/c", "a/#", True),
        ("a/b", "a/+", True),
        ("a/b/c", "a/+", False),
        ("a", "a/b", False),
        ("a/b", "a", False),
    ],
)
def test_topic_fits_its_filter(topic: str, pattern: str, expected: bool) -> None:
    assert mqtt_packets.fits(topic, pattern) is expected


def test_properties_of_every_form_are_passed_over() -> None:
    forms = b"\x11\x00\x00\x00\x3c\x21\x00\x0a\x26\x00\x01k\x00\x01v\x0b\x81\x01"
    forms += b"\x03\x00\x02ct" + b"\x01\x01"
    cursor = Cursor(bytes([len(forms)]) + forms + b"rest")
    assert cursor.properties() == {0x11: 60, 0x21: 10, 0x01: 1}
    assert cursor.rest() == b"rest"
    with pytest.raises(MalformedPacketError):
        cursor.number(1)


def test_broker_with_a_journal_owes_after_a_restart_what_it_owed(tmp_path: Path) -> None:
    """Filters, what waits, what was sent without an answer under its packet id: nothing is lost."""
    path = tmp_path / "demo" / "journal.sqlite"
    first = EmbeddedMqttBroker(journal=Journal(path))
    first.start()
    reader = Peer(first, "reader", expiry=60).connect().subscribe("t/#")
    writer = Peer(first, "writer").connect().publish("t/1", "1").publish("t/2", "2")
    reader.until(lambda: len(reader.got) == 2)
    reader.client.ack(reader.got[0][2], 1)
    reader.leave()
    writer.publish("t/3", "3").leave()
    first.stop()
    second = EmbeddedMqttBroker(journal=Journal(path))
    second.start()
    writer = Peer(second, "writer").connect().publish("t/4", "4")
    back = Peer(second, "reader", expiry=60).connect()
    back.until(lambda: len(back.got) == 3)
    assert back.got[0] == ("t/2", b"2", reader.got[1][2], True)
    assert [(payload, again) for _, payload, _, again in back.got[1:]] == [
        (b"3", False),
        (b"4", False),
    ]
    for _, _, packet, _ in back.got:
        back.client.ack(packet, 1)
    back.until(lambda: not second.broker.sessions["reader"].in_flight)
    back.leave()
    writer.leave()
    second.stop()
    with closing(Journal(path)) as journal:
        assert list(journal.owed("reader")) == []
        assert list(journal.sessions()) == [("reader", 60, {"t/#": 1})]


def test_journal_forgets_a_session_that_begins_anew(tmp_path: Path) -> None:
    """A clean start, or no expiry: nothing of the earlier one is owed."""
    journal = Journal(tmp_path / "journal.sqlite")
    broker = EmbeddedMqttBroker(journal=journal)
    broker.start()
    Peer(broker, "reader", expiry=60).connect().subscribe("#").leave()
    writer = Peer(broker, "writer").connect().publish("t", "1")
    assert [message.payload for *_, message in journal.owed("reader")] == [b"1"]
    reader = Peer(broker, "reader")
    reader.client.connect("127.0.0.1", broker.port, clean_start=True)
    reader.until(reader.client.is_connected).leave()
    assert list(journal.owed("reader")) == []
    assert list(journal.sessions()) == []
    writer.leave()
    broker.stop()
