"""What only devices behind an MQTT broker can do to a source."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from demo.mqtt_broker import EmbeddedMqttBroker
from tests.faults import declared
from tests.ports import free_port
from tests.watermain.source.brokered import MqttKind
from tests.watermain.source.kinds import Ledger, thing
from watermain.cli.look.explain import _missing
from watermain.credential import Address
from watermain.declare import Mqtt
from watermain.declare.errors import (
    ExpiredCredentialError,
    InvalidDeclarationError,
    SourceError,
    UnreachableSystemError,
)
from watermain.settings import Settings
from watermain.source.mqtt.mqtt import SHARD
from watermain.source.mqtt.sequences import gaps
from watermain.source.protocol import Limit


def numbers(ledger: Ledger) -> list[tuple]:
    """Device with number of every row."""
    return ledger.rows("_device", "_sequence")


def test_rows_tell_topic_device_number(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    mqtt_kind.say(7)
    (seen,) = ledger.capture(mqtt_kind.open())
    assert seen.shard == SHARD
    assert ledger.rows("_topic", "_device", "_sequence") == [(f"{mqtt_kind.topic}/s1", "s1", 7)]


def test_message_is_confirmed_only_after_its_commit(
    mqtt_kind: MqttKind, mqtt_broker: EmbeddedMqttBroker, ledger: Ledger
) -> None:
    mqtt_kind.say(1)
    mqtt_kind.say(2)
    (kept,) = (
        k
        for k in mqtt_broker.broker.sessions.values()
        if k.client_id.startswith("things/") and k.client_id.startswith(mqtt_kind.topic + "_")
    )
    source = mqtt_kind.open()
    for batch in source.batches(after={}, limit=Limit(rows=1)):
        left = len(kept.in_flight) + len(kept.queue)
        source.acknowledge({SHARD: "another"})
        assert len(kept.in_flight) + len(kept.queue) == left
        source.acknowledge({SHARD: batch.end})
        assert len(kept.in_flight) + len(kept.queue) == left - 1
    assert not kept.in_flight


def test_messages_of_many_devices_share_one_batch(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    for number in (1, 2):
        for station in ("s1", "s2"):
            mqtt_kind.say(number, station)
    assert len(ledger.capture(mqtt_kind.open())) == 1
    assert numbers(ledger) == [("s1", 1), ("s2", 1), ("s1", 2), ("s2", 2)]


def test_gap_is_told_by_the_position_until_it_is_filled(
    mqtt_kind: MqttKind, ledger: Ledger
) -> None:
    mqtt_kind.say(1)
    mqtt_kind.say(5)
    ledger.capture(mqtt_kind.open())
    assert list(gaps(ledger.positions[SHARD])) == [("s1", 2, 4)]
    mqtt_kind.say(3)
    ledger.capture(mqtt_kind.open())
    assert list(gaps(ledger.positions[SHARD])) == [("s1", 2, 2), ("s1", 4, 4)]
    assert numbers(ledger) == [("s1", 1), ("s1", 5), ("s1", 3)]


def test_number_used_again_is_rejected_not_dropped(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    mqtt_kind.say(1)
    ledger.capture(mqtt_kind.open())
    mqtt_kind.say(1, note="after a restart of the device")
    (seen,) = ledger.capture(mqtt_kind.open(), acknowledge=False)
    (reject,) = seen.rejected
    assert reject["reason"] == "sequence 1 of device s1 was captured before"
    assert "after a restart" in reject["payload"]
    assert reject["position"].startswith(f"{mqtt_kind.topic}/s1/")
    assert ledger.capture(mqtt_kind.open()) == []
    assert numbers(ledger) == [("s1", 1)]


POISON = [
    ("no json", "is not JSON"),
    (b"\xff", "is not UTF-8"),
    ("{}", "has no device in `by.station`"),
    ('{"by": {"station": "s1"}}', "has no whole number in `n`"),
    ('{"by": {"station": "s1"}, "n": 1.5}', "has no whole number in `n`"),
    ('{"by": {"station": "s1"}, "n": -1}', "has no whole number in `n`"),
    ('{"by": {"station": "s1"}, "n": 9223372036854775808}', "has no whole number in `n`"),
    ('{"by": "s1", "n": 1}', "has no object in `by`"),
]


def test_poison_is_rejected_once(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    mqtt_kind.send(*(payload for payload, _ in POISON))
    mqtt_kind.say(1)
    (seen,) = ledger.capture(mqtt_kind.open(), acknowledge=False)
    assert [each["reason"] for each in seen.rejected] == [reason for _, reason in POISON]
    assert numbers(ledger) == [("s1", 1)]
    assert ledger.capture(mqtt_kind.open()) == []


def test_more_than_the_broker_may_send_at_once_comes_in_several_batches(
    mqtt_kind: MqttKind, ledger: Ledger
) -> None:
    mqtt_kind.send(
        *(json.dumps({"by": {"station": "s1"}, "n": n, "id": str(n)}) for n in range(25))
    )
    seen = ledger.capture(mqtt_kind.open(in_flight=10))
    assert [each.rows.num_rows for each in seen] == [10, 10, 5]
    assert numbers(ledger) == [("s1", n) for n in range(25)]


def test_batch_closes_at_its_bytes(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    for number in range(4):
        mqtt_kind.say(number, note="x" * 1000)
    seen = ledger.capture(mqtt_kind.open(), Limit(bytes=2000))
    assert [each.rows.num_rows for each in seen] == [2, 2]


def test_session_that_expired_shows_as_a_gap(mqtt_kind: MqttKind, ledger: Ledger) -> None:
    mqtt_kind.say(1)
    ledger.capture(mqtt_kind.open(session=timedelta(0)))
    mqtt_kind.say(2)
    ledger.capture(mqtt_kind.open())
    mqtt_kind.say(3)
    ledger.capture(mqtt_kind.open())
    assert numbers(ledger) == [("s1", 1), ("s1", 3)]
    assert list(gaps(ledger.positions[SHARD])) == [("s1", 2, 2)]


def test_second_reader_takes_the_session_over(mqtt_kind: MqttKind) -> None:
    for number in range(3):
        mqtt_kind.say(number)
    first = mqtt_kind.open()
    reading = first.batches(after={}, limit=Limit(rows=1))
    batch = next(reading)
    with mqtt_kind.open()._connected(), pytest.raises(UnreachableSystemError):
        first.acknowledge({SHARD: batch.end})
    reading.close()


def test_position_that_tells_of_no_devices_is_refused(mqtt_kind: MqttKind) -> None:
    with pytest.raises(SourceError, match="tells of no devices"):
        next(mqtt_kind.open().batches(after={SHARD: "17"}, limit=Limit()))


def test_broker_that_is_gone_may_come_back(mqtt_kind: MqttKind) -> None:
    mqtt_kind.port = free_port()
    with pytest.raises(UnreachableSystemError, match="Connection refused"):
        mqtt_kind.open().verify()


@pytest.mark.parametrize("address", ["", "localhost:1883", "http://h:1", "mqtt://h:port", "mqtt:"])
def test_address_that_is_not_understood_is_refused(mqtt_kind: MqttKind, address: str) -> None:
    source = mqtt_kind.open()
    source.address = lambda: address
    with pytest.raises(SourceError, match="is not understood"):
        source.verify()


def test_words_are_checked_where_they_are_written() -> None:
    for words in ({"topic": ""}, {"in_flight": 0}, {"in_flight": 65_536}, {"fields": {"a": ""}}):
        named = {"connection": "c", "topic": "t", "device": "d", "sequence": "n"}
        with pytest.raises(InvalidDeclarationError):
            Mqtt(**{**named, **words})


@pytest.mark.services
def test_session_outlives_a_restart_of_the_broker(tmp_path_factory, ledger: Ledger) -> None:
    """What nobody confirmed comes again, what was queued comes still."""
    from tests.watermain.source.brokered import Mosquitto

    folder = tmp_path_factory.mktemp("restarted")
    server = Mosquitto(folder / "server")
    server.start()
    kind = MqttKind(server.port, folder / "scratch")
    kind.say(1)
    ledger.capture(kind.open(), acknowledge=False)
    kind.say(2)
    server.stop()
    server.start()
    kind.say(3)
    ledger.capture(kind.open())
    server.stop()
    assert numbers(ledger) == [("s1", 1), ("s1", 2), ("s1", 3)]
    assert [each.rejected for each in ledger.seen] == [[], []]


def dies(kind: MqttKind, payload: str) -> None:
    """Let a device connect with a last will, then vanish without a word."""
    device = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    device.will_set(f"{kind.topic}/s1", payload, qos=1)
    device.connect("127.0.0.1", kind.port)
    while not device.is_connected():
        device.loop(0.05)
    device.socket().close()


def test_last_will_of_a_device_is_captured_like_every_message(
    mqtt_kind: MqttKind, ledger: Ledger
) -> None:
    """With a number it is a row; without one it goes to quarantine, it is not dropped."""
    mqtt_kind.say(1)
    dies(mqtt_kind, json.dumps({"by": {"station": "s1"}, "n": 2, **thing(2, "gone")}))
    dies(mqtt_kind, '{"by": {"station": "s1"}, "note": "gone"}')
    seen: list[dict] = []
    deadline = time.monotonic() + 120
    while not (seen and len(ledger.rows()) == 2) and time.monotonic() < deadline:
        seen += [each for s in ledger.capture(mqtt_kind.open()) for each in s.rejected]
    assert ledger.rows("_sequence", "note") == [(1, "x"), (2, "gone")]
    assert [each["reason"] for each in seen] == ["has no whole number in `n`"]


def test_gap_is_shown_to_whoever_asks_about_the_dataset(
    mqtt_kind: MqttKind, ledger: Ledger
) -> None:
    """`watermain explain` lists it."""
    mqtt_kind.say(1)
    mqtt_kind.say(5)
    ledger.capture(mqtt_kind.open())
    signals = replace(declared.signals, source=mqtt_kind.open().word)
    assert _missing(signals, list(ledger.positions.values())) == [
        {"device": "s1", "first": 2, "last": 4}
    ]
    assert _missing(declared.steps, ["0/1"]) == []


def test_password_is_shown_once_then_waits_for_its_rotation(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ledger: Ledger,
) -> None:
    """One line with level error; the rotated one is taken at once, nothing was lost meanwhile."""
    caplog.set_level("INFO")
    broker = EmbeddedMqttBroker()
    broker.start()
    (tmp_path / "secret").write_text("p%1")
    address = f"mqtt://me:${{file:{tmp_path / 'secret'}}}@127.0.0.1:{broker.port}"
    monkeypatch.setenv("WATERMAIN_SOURCE_FIELD", address)
    kind = MqttKind(broker.port, tmp_path / "scratch")
    broker.broker.password = b"p%1"
    source = kind.open()

    def captured() -> list:
        source.address = Address(Settings(data_dir=tmp_path), "field")
        return ledger.capture(source)

    assert captured() == []
    broker.broker.password = None
    kind.say(1)
    broker.broker.password = b"p%2"
    for _ in range(3):
        with pytest.raises(ExpiredCredentialError, match="`field` is refused"):
            captured()
    assert broker.broker.refused == 1
    (tmp_path / "secret").write_text("p%2")
    assert len(captured()) == 1
    broker.stop()
    told = [r.levelname for r in caplog.records if r.name == "watermain.credential"]
    assert told == ["ERROR", "INFO"]
    assert "p%1" not in caplog.text
