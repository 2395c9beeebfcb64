"""A real Kafka that proves itself to whoever shows it a certificate with a password."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.watermain.source.brokered import ApacheKafka, KafkaKind
from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.tls_door import certificates
from watermain import KafkaConnection, Sasl, Tls
from watermain.credential import Address
from watermain.declare.errors import (
    ExpiredCredentialError,
    SourceError,
    UnreachableSystemError,
    WatermainError,
)
from watermain.settings import Settings
from watermain.source.kafka.address import composed

pytestmark = pytest.mark.services


@pytest.fixture
def words(apache_kafka: ApacheKafka, tmp_path: Path) -> Mapping[str, object]:
    """What has to be declared to be let in."""
    apache_kafka.give_password("sealed reader", "p=a s's \\ ü")
    (tmp_path / "password").write_text("p=a s's \\ ü")
    return {
        "address": f"127.0.0.1:{apache_kafka.sealed}",
        "tls": Tls(
            authorities=str(apache_kafka.authority),
            certificate=str(apache_kafka.certificate),
            key=str(apache_kafka.certificate),
        ),
        "sasl": Sasl(
            user="sealed reader", password=f"file:{tmp_path}/password", mechanism="SCRAM-SHA-256"
        ),
        "silent_within": timedelta(seconds=10),
    }


def captured(kind: KafkaKind, ledger: Ledger, words: Mapping[str, object]) -> list:
    """Capture over the connection that these words declare."""
    source = kind.open()
    connection = KafkaConnection("log", **words)  # type: ignore[arg-type]
    source.address = Address(Settings(data_dir=kind.scratch), "log", connection, composed)
    return ledger.capture(source)


def test_certificate_with_a_password_is_let_in(
    apache_kind: KafkaKind, ledger: Ledger, words: Mapping[str, object]
) -> None:
    """Rows arrive over the declared connection, whatever characters the password has."""
    apache_kind.send(json.dumps(thing(1)), json.dumps(thing(2)))
    captured(apache_kind, ledger, words)
    assert ledger.rows("id") == [("1",), ("2",)]


@pytest.mark.parametrize("lacks", ["certificate", "authority", "encryption", "password"])
def test_whoever_lacks_one_of_them_is_not(
    apache_kind: KafkaKind,
    ledger: Ledger,
    words: Mapping[str, object],
    lacks: str,
    tmp_path: Path,
) -> None:
    """Nothing is read, and the error says what was lacking."""
    apache_kind.send(json.dumps(thing(1)))
    tls, sasl = words["tls"], words["sasl"]
    assert isinstance(tls, Tls)
    assert isinstance(sasl, Sasl)
    (tmp_path / "wrong").write_text("wrong")
    stranger = certificates(tmp_path / "strangers")[0]
    odd: dict[str, tuple[Mapping[str, object], type[WatermainError], str]] = {
        "certificate": (
            {"tls": Tls(authorities=tls.authorities)},
            UnreachableSystemError,
            "alert",
        ),
        "authority": (
            {"tls": replace(tls, authorities=str(stranger))},
            SourceError,
            "certificate verify failed",
        ),
        "encryption": ({"tls": None}, UnreachableSystemError, "speaks SASL_PLAINTEXT there"),
        "password": (
            {"sasl": replace(sasl, password=f"file:{tmp_path}/wrong")},
            ExpiredCredentialError,
            "`log` is refused",
        ),
    }
    change, error, told = odd[lacks]
    with pytest.raises(error, match=told):
        captured(apache_kind, ledger, {**words, **change})
    assert ledger.rows("id") == []
