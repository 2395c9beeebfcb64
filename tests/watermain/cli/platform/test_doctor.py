"""What the doctor tells of connections, one by one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.watermain.observe.sink import Sink
from watermain.__main__ import app
from watermain.cli.platform import doctor
from watermain.declare import FilesConnection, KafkaConnection
from watermain.declare.connection.connection import Connection
from watermain.declare.connection.notifier import NotifierConnection
from watermain.declare.errors import InvalidDeclarationError
from watermain.observe.alert.book import AlertBook, Posted
from watermain.observe.alert.step import heartbeat
from watermain.settings import load_settings


@pytest.fixture
def told(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command beside these connections alone; give its facts, or its text."""
    monkeypatch.setattr(doctor, "CHECKS", {})
    monkeypatch.setattr(doctor, "everything", dict)

    def tell(*words: Connection | Exception, text: bool = False) -> Any:
        def known() -> dict[str, Connection]:
            for word in words:
                if isinstance(word, Exception):
                    raise word
            return {word.name: word for word in words if isinstance(word, Connection)}

        monkeypatch.setattr(doctor, "connections", known)
        done = CliRunner().invoke(app, ["doctor"] if text else ["doctor", "--json"])
        return done.output if text else (done.exit_code, json.loads(done.output))

    return tell


def test_doctor_tries_each_connection(told: Any, tmp_path: Path) -> None:
    """One line says what is there; four say why not."""
    (tmp_path / "drop").mkdir()
    there = FilesConnection("drop", address=f"{tmp_path}/drop")
    away = FilesConnection("away", address=f"{tmp_path}/away")
    code, facts = told(there, away)
    assert code == 1
    assert facts == [
        {
            "check": "connection away",
            "ok": False,
            "found": f"there is no folder {tmp_path}/away",
            "declared": away.declared,
            "data": "nothing was read",
            "next": f"mkdir -p {tmp_path}/away",
        },
        {
            "check": "connection drop",
            "ok": True,
            "found": "a folder, 0 entries",
            "next": None,
        },
    ]
    assert told(there)[0] == 0


def test_doctor_prints_the_four_lines(told: Any, tmp_path: Path) -> None:
    """As every error has them."""
    lines = told(KafkaConnection("bus"), text=True).splitlines()
    assert "connection bus" in lines[0]
    assert "no address for the source connection `bus`" in lines[0]
    assert [line.split()[0] for line in lines[1:4]] == ["declared", "data", "next"]
    assert "WATERMAIN_SOURCE_BUS" in lines[3]


def test_doctor_goes_on_where_the_resources_cannot_be_read(told: Any) -> None:
    """That is a finding, too."""
    wrong = InvalidDeclarationError("it is odd", declared="a.py:1", data="nothing", next="mend it")
    code, facts = told(wrong)
    assert code == 1
    assert [(fact["check"], fact["found"]) for fact in facts] == [("connections", "it is odd")]


def test_doctor_says_who_is_told(
    home: Path, received: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is a finding that fails nothing; what lies undelivered fails."""
    monkeypatch.setattr(doctor, "CHECKS", {"who is told": doctor.CHECKS["who is told"]})
    monkeypatch.setattr(doctor, "everything", dict)
    monkeypatch.setattr(doctor, "connections", dict)
    monkeypatch.setattr(doctor, "notifying", dict)

    def found() -> tuple[int, str]:
        done = CliRunner().invoke(app, ["doctor", "--json"])
        (fact,) = json.loads(done.output)
        return done.exit_code, fact["found"]

    assert found() == (0, "none in resources/notifiers.py: nobody is told")
    word = NotifierConnection("pager", address=received.by_apprise)
    monkeypatch.setattr(doctor, "notifying", lambda: {"pager": word})
    assert found() == (0, "pager")
    book = AlertBook(load_settings().postgres or "")
    told = heartbeat("pager", timedelta(minutes=5), datetime.now(UTC) - timedelta(hours=1))
    with book.connected() as connection:
        book.write(connection, [], [Posted(telling=told, notifier="pager")])
    code, said = found()
    assert (code, said.startswith("1 not delivered: [alive]")) == (1, True)
