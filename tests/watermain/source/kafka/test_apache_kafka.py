"""What needs a real Apache Kafka: a log on disk, retention, transactions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.watermain.source.brokered import JARS, ApacheKafka, KafkaKind, drop_topic, make_topic
from tests.watermain.source.kinds import Ledger, thing
from watermain.credential import Address
from watermain.declare.errors import (
    ExpiredCredentialError,
    SourceError,
    UnreachableSystemError,
)
from watermain.settings import Settings
from watermain.source.protocol import Limit

pytestmark = pytest.mark.services


def value(number: int) -> str:
    """One message."""
    return json.dumps(thing(number))


def transaction(kind: KafkaKind, *numbers: int, commit: bool) -> None:
    """Send messages in one transaction."""
    producer = Producer({"bootstrap.servers": kind.address, "transactional.id": kind.topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    for number in numbers:
        producer.produce(kind.topic, value(number), partition=0)
    producer.flush(20)
    producer.commit_transaction(20) if commit else producer.abort_transaction(20)


def test_offsets_deleted_unread_stop_the_capture_with_their_range(
    apache_kind: KafkaKind, ledger: Ledger
) -> None:
    apache_kind.send(value(1), value(2))
    ledger.capture(apache_kind.open())
    apache_kind.send(*map(value, range(3, 10)))
    admin = AdminClient({"bootstrap.servers": apache_kind.address})
    admin.delete_records([TopicPartition(apache_kind.topic, 0, 5)])[
        TopicPartition(apache_kind.topic, 0, 5)
    ].result(120)
    assert not apache_kind.open().backlog().is_empty
    with pytest.raises(SourceError, match="begins at 5: offsets 2 to 4 were deleted unread"):
        ledger.capture(apache_kind.open())
    assert ledger.rows("id") == [("1",), ("2",)]
    fresh = Ledger()
    fresh.capture(apache_kind.open())
    assert fresh.rows("id") == [(str(n),) for n in range(6, 10)]


def test_aborted_transactions_leave_gaps_that_are_passed_over(
    apache_kind: KafkaKind, ledger: Ledger
) -> None:
    transaction(apache_kind, 1, 2, commit=True)
    transaction(apache_kind, 3, 4, commit=False)
    transaction(apache_kind, 5, commit=True)
    transaction(apache_kind, 6, commit=False)
    ledger.capture(apache_kind.open(), Limit(rows=2))
    assert ledger.rows("_offset", "id") == [(0, "1"), (1, "2"), (6, "5")]
    assert ledger.capture(apache_kind.open()) == []
    assert apache_kind.open().backlog().is_empty


def test_open_transaction_is_waited_for(apache_kind: KafkaKind, ledger: Ledger) -> None:
    apache_kind.send(value(1))
    producer = Producer(
        {"bootstrap.servers": apache_kind.address, "transactional.id": apache_kind.topic}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(apache_kind.topic, value(2), partition=0)
    producer.flush(20)
    ledger.capture(apache_kind.open())
    assert ledger.rows("id") == [("1",)]
    assert ledger.capture(apache_kind.open()) == []
    producer.commit_transaction(20)
    ledger.capture(apache_kind.open())
    assert ledger.rows("id") == [("1",), ("2",)]


@pytest.mark.parametrize("count", [1, 5])
def test_topic_made_anew_is_refused(apache_kind: KafkaKind, ledger: Ledger, count: int) -> None:
    apache_kind.send(value(1), value(2))
    ledger.capture(apache_kind.open())
    drop_topic(apache_kind.address, apache_kind.topic)
    make_topic(apache_kind.address, apache_kind.topic)
    apache_kind.send(*map(value, range(count)))
    with pytest.raises(SourceError, match="of another topic of this name"):
        ledger.capture(apache_kind.open())


def test_partitions_added_to_a_live_topic_are_read(apache_kind: KafkaKind, ledger: Ledger) -> None:
    """The next capture of the same source sees them, from their first message."""
    source = apache_kind.open()
    apache_kind.send(value(0))
    ledger.capture(source)
    apache_kind.widen(3)
    for partition in range(3):
        apache_kind.send(value(partition + 1), partition=partition)
    assert source.backlog().rows == 3
    ledger.capture(source)
    assert sorted(ledger.rows("_partition", "id")) == [(0, "0"), (0, "1"), (1, "2"), (2, "3")]
    assert source.backlog().is_empty


@pytest.fixture
def secret(apache_kafka: ApacheKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the password of `reader`, to which the connection `log` refers."""
    secret = tmp_path / "secret"
    secret.write_text("old password")
    apache_kafka.give_password("reader", "old password")
    monkeypatch.setenv(
        "WATERMAIN_SOURCE_LOG",
        f"127.0.0.1:{apache_kafka.guarded} security.protocol=SASL_PLAINTEXT"
        f" sasl.mechanism=SCRAM-SHA-256 sasl.username=reader sasl.password=${{file:{secret}}}",
    )
    return secret


def test_password_is_shown_once_then_waits_for_its_rotation(
    apache_kafka: ApacheKafka,
    apache_kind: KafkaKind,
    ledger: Ledger,
    secret: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line with level error; the rotated one is taken at once, nothing was lost meanwhile."""
    caplog.set_level("INFO")
    source = apache_kind.open()

    def captured() -> list:
        source.address = Address(Settings(data_dir=secret.parent), "log")
        return ledger.capture(source)

    apache_kind.send(value(1))
    assert len(captured()) == 1
    apache_kafka.give_password("reader", "new password")
    apache_kind.send(value(2))
    for _ in range(3):
        with pytest.raises(ExpiredCredentialError, match="`log` is refused"):
            captured()
    secret.write_text("new password")
    assert len(captured()) == 1
    assert ledger.rows("id") == [("1",), ("2",)]
    told = [r.levelname for r in caplog.records if r.name == "watermain.credential"]
    assert told == ["ERROR", "INFO"]
    assert "password" not in caplog.text.replace("sasl.password", "")


def test_broker_killed_between_captures_loses_doubles_nothing(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ApacheKafka(tmp_path / "server", JARS)
    server.start()
    kind = KafkaKind(server.address, tmp_path / "scratch")
    for number in range(3):
        kind.send(value(number))
        ledger.capture(kind.open(), acknowledge=False)
        server.kill()
        with monkeypatch.context() as impatient:
            impatient.setattr("watermain.source.kafka.kafka_log.ANSWER_SECONDS", 1.0)
            with pytest.raises(UnreachableSystemError):
                kind.open().verify()
        server.start()
    kind.send(value(3))
    ledger.capture(kind.open())
    server.kill()
    assert ledger.rows("id") == [("0",), ("1",), ("2",), ("3",)]
