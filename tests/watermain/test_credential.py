"""A refused credential waits for its rotation, proved on PostgreSQL with passwords."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from watermain.clock import FixedClock
from watermain.credential import FIRST_PAUSE, LONGEST_PAUSE, Address, Gate
from watermain.declare.errors import ExpiredCredentialError
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import Settings
from watermain.source.postgres.replication import connected

NOW = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that asks the role `reader` for its password."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("guarded") / "server")
    server.start()
    rules = server.data / "pg_hba.conf"
    rules.write_text("local all reader scram-sha-256\n" + rules.read_text())
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("create role reader login password 'old'")
        connection.execute("select pg_reload_conf()")
    yield server
    server.stop()


@pytest.fixture
def address(guarded: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    """The connection of `reader`, its password in a file."""
    (tmp_path / "password").write_text("old")
    rotate(guarded, "old")
    host = psycopg.conninfo.conninfo_to_dict(guarded.dsn("postgres"))["host"]
    monkeypatch.setenv(
        "WATERMAIN_SOURCE_SHOP",
        f"host={host} dbname=postgres user=reader password=${{file:{tmp_path / 'password'}}}",
    )
    return Address(Settings(data_dir=tmp_path), "shop")


def rotate(server: EmbeddedPostgres, password: str) -> None:
    """Give the role another password."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"alter role reader password '{password}'")


def test_postgres_is_reached_with_a_secret_in_the_address(address: Address) -> None:
    """The reference is resolved at the connection."""
    with connected(address, declared="here") as connection:
        assert connection.execute("select current_user").fetchone() == ("reader",)


def test_postgres_is_not_asked_again_while_the_password_is_refused(
    address: Address,
    guarded: EmbeddedPostgres,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One attempt, one line with level error; the rotated password works at once."""
    caplog.set_level(logging.INFO)
    rotate(guarded, "new")
    for _ in range(3):
        with pytest.raises(ExpiredCredentialError, match="credential of `shop` is refused") as told:
            connected(address, declared="here")
        assert "old" not in str(told.value).replace("holds", "")
    lines = [each for each in caplog.records if each.name == "watermain.credential"]
    assert [each.levelname for each in lines] == ["ERROR"]
    (tmp_path / "password").write_text("new")
    connected(Address(address.settings, "shop"), declared="here").close()
    assert caplog.records[-1].getMessage() == "credential accepted again: connection=shop"


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock(NOW)


@pytest.fixture
def gate(tmp_path: Path, clock: FixedClock) -> Gate:
    """A gate that nobody was refused at."""
    return Gate("api", tmp_path, clock)


def test_gate_lets_everybody_pass_at_first(gate: Gate) -> None:
    """Nothing is written for those who are never refused."""
    gate.check("a")
    gate.accept()
    assert not gate.is_shut
    assert not gate.path.parent.exists()


def test_gate_knows_the_refused_from_the_rotated(gate: Gate, clock: FixedClock) -> None:
    """The refused one waits, another passes."""
    gate.refuse("old", "401")
    with pytest.raises(ExpiredCredentialError, match="since 2013-01-01T00:00:00Z"):
        gate.check("old")
    gate.check("new")
    clock.instant += FIRST_PAUSE
    gate.check("old")


def is_refused(gate: Gate, credential: str) -> bool:
    """Say whether the gate is shut for a credential."""
    try:
        gate.check(credential)
    except ExpiredCredentialError:
        return True
    return False


def test_gate_pauses_longer_each_time_up_to_a_bound(gate: Gate, clock: FixedClock) -> None:
    """Minutes become an hour; the error tells since when."""
    pauses = []
    for _ in range(8):
        told = str(gate.refuse("old", "401"))
        assert "since 2013-01-01T00:00:00Z" in told
        begun = clock.now()
        while is_refused(gate, "old"):
            clock.instant += timedelta(minutes=5)
        pauses.append(clock.now() - begun)
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert set(pauses[4:]) == {LONGEST_PAUSE}


def test_gate_keeps_no_credential(gate: Gate) -> None:
    """Its file is ours alone, with a salted print in it."""
    gate.refuse("correct horse", "401")
    first = gate.path.read_text()
    assert "horse" not in first
    assert gate.path.stat().st_mode & 0o777 == 0o600
    gate.refuse("correct horse", "401")
    assert gate.path.read_text() != first


def test_gate_opens_when_its_file_is_damaged(gate: Gate) -> None:
    """It is a courtesy to the other side, not a lock."""
    gate.refuse("old", "401")
    gate.path.write_text("{")
    gate.check("old")
