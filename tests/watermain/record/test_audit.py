"""The log of refused access on a real PostgreSQL, away and back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from watermain.lake.catalog import catalog_dsn
from watermain.record import audit
from watermain.record.audit import AuditEntry, AuditLog
from watermain.settings import load_settings

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def log(home: Path) -> AuditLog:
    """The log beside a catalog of its own."""
    return AuditLog.of(load_settings())


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"host=127.0.0.1 port={server.getsockname()[1]} dbname=none user=none"


def entry(minute: int = 0, **words: object) -> AuditEntry:
    """An entry that is known."""
    at = NOON + timedelta(minutes=minute)
    known = {"kind": "query", "who": "ann", "detail": "a table function: read_csv"}
    return AuditEntry(at=at, **{**known, **words})  # type: ignore[arg-type]


def test_append_keeps_what_was_refused(log):
    """What is written comes back as it was, oldest first, from an instant on."""
    first, second, third = entry(0), entry(1, dataset="a.curated.b", count=7), entry(2, who="bob")
    assert log.append([third, first]) == ""
    assert log.append([second]) == ""
    assert log.since(NOON) == [first, second, third]
    assert log.since(NOON + timedelta(minutes=1)) == [second, third]


@pytest.mark.parametrize(
    "statement", ["update watermain.audit set count = 1", "delete from watermain.audit"]
)
def test_append_is_for_good(log, statement):
    """No statement changes or takes away an entry, not even one that names no row."""
    log.append([entry()])
    with (
        psycopg.connect(catalog_dsn(load_settings())) as connection,
        pytest.raises(psycopg.Error, match="what was audited is never changed"),
    ):
        connection.execute(statement)
    assert len(log.since(NOON)) == 1


def test_append_lets_entries_wait_when_the_database_is_away(log, home):
    """What could not be written is said to wait, and is there once when the database is back."""
    nowhere = "host=127.0.0.1 port=1 dbname=none user=none"
    away = AuditLog(lambda: nowhere, home / audit.FOLDER)
    said = away.append([entry(0), entry(1)])
    assert said.startswith("the audit log does not answer (the lake's catalog database")
    assert said.endswith("the refusal stands and is written down when it does")
    assert log.append([entry(2)]) == ""
    assert [each.at.minute for each in log.since(NOON)] == [0, 1, 2]
    assert not list((home / audit.FOLDER).glob("*.json"))


def test_append_holds_nobody_when_the_database_never_answers(home, silent):
    """A server that takes the connection and says nothing is given up."""
    stuck = AuditLog(lambda: silent, home / audit.FOLDER)
    assert "written down when it does" in stuck.append([entry()])
    assert len(list((home / audit.FOLDER).glob("*.json"))) == 1


def test_append_says_when_there_is_no_room_to_wait(home, monkeypatch):
    """The folder is bounded; what does not fit is told, and the refusal stands anyway."""
    monkeypatch.setattr(audit, "MOST_WAITING", 1)
    away = AuditLog(lambda: "host=127.0.0.1 port=1 dbname=none", home / audit.FOLDER)
    assert away.append([entry(0), entry(1)]).endswith("written down nowhere")
    assert len(list((home / audit.FOLDER).glob("*.json"))) == 1


def test_since_takes_in_what_waited_twice_as_one(log, home):
    """An entry that was written, and waited all the same, is one."""
    kept = entry()
    away = AuditLog(lambda: "host=127.0.0.1 port=1 dbname=none", home / audit.FOLDER)
    away.append([kept])
    log.append([kept])
    assert log.since(NOON) == [kept]


def test_since_leaves_a_spoilt_file_where_it_is(log, home):
    """A file that is no entry is not thrown away, and keeps nothing else from its turn."""
    (home / audit.FOLDER).mkdir()
    (home / audit.FOLDER / "spoilt.json").write_text("{")
    log.append([entry()])
    assert len(log.since(NOON)) == 1
    assert (home / audit.FOLDER / "spoilt.json").exists()
