"""Credentials that end soon."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.watermain.engine.promise.promises import FEES
from tests.watermain.observe.watch.failures import GRAVITY, MILD, NOW, ORDERS, OTHER
from watermain.declare import KafkaConnection, Tls
from watermain.engine.rooms import connections, declared, promises
from watermain.observe.watch import expiry
from watermain.observe.watch.declared import DeclaredFacts
from watermain.observe.watch.expiry import Ending, certificates, expiring, look, token

DAY, YEAR = timedelta(days=1), timedelta(days=365)


def _ending(left: timedelta, whole: timedelta | None = YEAR) -> Ending:
    begun = None if whole is None else NOW + left - whole
    return Ending(what="/a.pem", ends_at=NOW + left, begins_at=begun)


@pytest.mark.parametrize(
    ("left", "whole", "is_near"),
    [
        (15 * DAY, YEAR, False),
        (14 * DAY, YEAR, True),
        (14 * DAY, 30 * DAY, False),  # a month is renewed in its last fifth
        (6 * DAY, 30 * DAY, True),
        (14 * DAY, None, True),
        (timedelta(minutes=5), timedelta(hours=1), False),  # renewed by a machine
        (-DAY, YEAR, True),
    ],
)
def test_what_ends_soon_is_told_in_time_to_renew_it(left, whole, is_near) -> None:
    """A fortnight before, or a fifth of its time."""
    assert _ending(left, whole).is_near(NOW) is is_near


@pytest.mark.parametrize(
    ("left", "gravity", "severity", "told"),
    [
        (5 * DAY, GRAVITY, "ticket", "ends in 5 days, at 2026-06-08 08:00 UTC"),
        (DAY / 2, GRAVITY, "page", "ends in 12 h, at 2026-06-03 20:00 UTC"),
        (DAY / 2, MILD, "ticket", "ends in 12 h, at 2026-06-03 20:00 UTC"),
        (-DAY, GRAVITY, "page", "ended at 2026-06-02 08:00 UTC"),
    ],
)
def test_last_day_is_as_grave_as_what_it_brings(left, gravity, severity, told) -> None:
    """Until then it waits for the morning; who shares it is named."""
    (found,) = expiring({_ending(left): {OTHER, ORDERS}}, gravity, NOW)
    assert (found.dataset, found.promise, found.severity) == (ORDERS, "expiry", severity)
    assert found.told == f"`/a.pem` {told}; so does `{OTHER}`"


def _written(path: Path, ends_at: datetime) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(ends_at - YEAR)
        .not_valid_after(ends_at)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def test_certificates_say_when_they_end(tmp_path: Path) -> None:
    """Each of a file; a file that is none says nothing of time."""
    path = _written(tmp_path / "a.pem", NOW)
    assert [(e.ends_at, e.begins_at) for e in certificates(path)] == [(NOW, NOW - YEAR)]
    path.write_text("no certificate")
    assert list(certificates(path)) == []
    assert list(certificates(tmp_path / "absent.pem")) == []


def _jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.signed"


@pytest.mark.parametrize(
    ("secret", "ends_at"),
    [
        (_jwt(exp=NOW.timestamp()), NOW),
        (_jwt(sub="ann"), None),
        (_jwt(exp="soon"), None),
        (_jwt(exp=1e300), None),
        ("a.b", None),
        ("a.*.c", None),
        ("plain", None),
    ],
)
def test_tokens_say_when_they_end(secret: str, ends_at: datetime | None) -> None:
    """If they are such as say anything; the secret itself is kept nowhere."""
    found = token("file:./secrets/x", secret)
    assert (found and found.ends_at) == ends_at
    assert secret not in repr(found)


def test_everything_that_sources_are_opened_with_is_asked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates of connections, with the secrets that connections and sources refer to."""
    made, key = _written(tmp_path / "a.pem", NOW + 3 * DAY), tmp_path / "a.key"
    word = KafkaConnection("broker", address="h:9", tls=Tls(certificate=str(made), key=str(key)))
    secrets = home / "secrets"
    secrets.mkdir()
    (secrets / "t").write_text(_jwt(exp=(NOW + 2 * DAY).timestamp()))
    facts: Mapping[object, object] = {
        name: DeclaredFacts(
            dataset=name,
            cadence=None,
            columns=frozenset(),
            is_captured=True,
            contract={},
            opens=opens,
            secrets=leant,
        )
        for name, opens, leant in (
            (ORDERS, ("broker", "unknown"), ()),
            (OTHER, (), (f"file:{secrets}/t", "file:/absent")),
            (FEES, (), ()),
        )
    }
    monkeypatch.setattr(connections, "connections", lambda: {"broker": word})
    monkeypatch.setattr("watermain.observe.watch.declared.declared", lambda home, teams: facts)
    monkeypatch.setattr(declared, "teams", lambda: ())
    monkeypatch.setattr(promises, "promises", lambda home, teams: SimpleNamespace(promises=()))
    looked = look(NOW)
    assert {(each.dataset, each.told.split("`")[1]) for each in looked.signals} == {
        (ORDERS, str(made)),
        (OTHER, f"file:{secrets}/t"),
    }
    assert looked.is_judged(expiry.PROMISE, FEES)
