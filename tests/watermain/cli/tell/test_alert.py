"""Alerts are seen, taken on; incidents are followed to their end."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.watermain.observe.sink import Sink
from watermain.__main__ import app
from watermain.cli.tell import alert as alert_command
from watermain.declare.connection.connection import Connection
from watermain.declare.connection.notifier import NotifierConnection
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.lake.lake import Lake
from watermain.observe.alert.alert import Sighting
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.step import AlertStep, notifiers, ways
from watermain.settings import load_settings

FLIGHTS = DatasetName.parse("operations.curated.flights")
OTHER = DatasetName.parse("operations.curated.movements")


def told(*words: str) -> Result:
    """What a command says."""
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code in (0, 1), done.output
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def facts(*words: str) -> Any:
    """The facts that a command prints."""
    return json.loads(told(*words, "--json").stdout)


@pytest.fixture
def paged(lake: Lake, received: Sink) -> AlertStep:
    """Two alerts that fire, told an hour ago; the last of them did not arrive."""
    words = notifiers({"pager": NotifierConnection("pager", address=received.by_apprise)})
    dsn = load_settings().postgres
    assert dsn
    opened = ways(words, load_settings(), Path("/nonexistent"))
    step = AlertStep(AlertBook(dsn), Lineage({OTHER: [FLIGHTS]}, {}), words, opened)
    ago = datetime.now(UTC) - timedelta(hours=1)
    signal = Signal(
        dataset=FLIGHTS, promise="on_time", severity="page", rule="r", told="late", at=ago
    )
    for minute in range(2):
        step.step(Sighting(at=ago + timedelta(minutes=minute), signals=(signal,)))
    received.status = 500
    return step


def test_alert_is_listed_and_taken_on(paged: AlertStep) -> None:
    """By the beginning of its cause; who has it, until when."""
    (listed,) = facts("alert", "list")["alerts"]
    assert (listed["state"], listed["root"]) == ("firing", str(FLIGHTS))
    assert "operations.curated.flights@" in told("alert", "list").stdout
    assert f"is with {getpass.getuser()} until" in told("alert", "ack", str(FLIGHTS)).stdout
    made = facts("alert", "ack", str(FLIGHTS), "--until", "2099-01-01T08:00")
    assert made["acknowledged_until"] == "2099-01-01T08:00:00+00:00"
    assert facts("alert", "list")["alerts"][0]["state"] == "acknowledged"
    for wrong in ("2001-01-01T08:00", "tomorrow"):
        with pytest.raises(InvalidDeclarationError):
            told("alert", "ack", str(FLIGHTS), "--until", wrong)
    with pytest.raises(InvalidDeclarationError, match="begins the cause of no open alert"):
        told("alert", "ack", "nothing")


def test_what_could_not_be_told_is_seen(paged: AlertStep) -> None:
    """With the notifier and the reason."""
    ago = datetime.now(UTC) - timedelta(minutes=20)
    for minutes in (0, 3):
        paged.step(Sighting(at=ago + timedelta(minutes=minutes)))
    (stuck,) = facts("alert", "list")["undelivered"]
    assert (stuck["notifier"], stuck["tries"]) == ("pager", 1)
    assert "not delivered to pager: [fixed]" in told("alert", "list").stdout
    assert facts("alert", "list", "--all")["alerts"][0]["state"] == "resolved"


def test_notifier_is_tried(received: Sink, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life arrives; a name that nobody declares is refused with those that are."""
    word = NotifierConnection("pager", address=received.by_apprise)
    known: dict[str, Connection] = {"pager": word}
    monkeypatch.setattr(alert_command, "notifying", lambda: known)
    assert told("alert", "try", "pager").stdout.strip() == "pager took it"
    assert len(received.posted) == 1
    with pytest.raises(InvalidDeclarationError, match="nobody declares the notifier `pagr`"):
        told("alert", "try", "pagr")
    with pytest.raises(InvalidDeclarationError, match="has no rota"):
        told("alert", "rota", "pager")


def test_rota_is_written_and_its_holes_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation that began has none; one that begins later ends with 1."""
    people = {"ann": "env:ANN", "bob": "env:BOB"}
    for file, begins, code in (("a.ics", "2020-01-06T08:00", 0), ("b.ics", "2099-01-05T08:00", 1)):
        path = tmp_path / file
        assert told("alert", "rotation", "ann", "bob", "--from", begins, "--to", str(path))
        with pytest.raises(InvalidDeclarationError, match="is there already"):
            told("alert", "rotation", "ann", "--from", begins, "--to", str(path))
        known: dict[str, Connection] = {
            "pager": NotifierConnection("pager", rota=str(path), people=people)
        }
        monkeypatch.setattr(alert_command, "notifying", known.copy)
        done = told("alert", "rota", "pager")
        assert done.exit_code == code
        assert ("NOBODY" in done.stdout) == bool(code)
    assert len(facts("alert", "rota", "pager")["holes"]) == 1


def refused(file: Path) -> Iterator[tuple[str, ...]]:
    """What an incident cannot be asked for, once its file is written."""
    yield "close", "1"
    yield "close", "1", "--check", "x", "--reason", "y"
    yield "close", "1", "--check", "no such check"
    yield "note", "1", " "
    yield "show", "1", "--postmortem", str(file)
    yield "open", str(OTHER), "x", "--again", "1"


def test_incident_goes_from_open_to_closed(lake: Lake, tmp_path: Path) -> None:
    """Opened, noted, shown, closed with a reason, opened again; the file is written once."""
    name = str(FLIGHTS)
    assert "incident 1 is open" in told("incident", "open", name, "the gates are wrong").stdout
    told("incident", "note", "1", "the bus sent old gates")
    shown = told("incident", "show", "1").stdout
    assert "operations.curated.flights is wrong or late" in shown
    assert "the bus sent old gates" in shown
    assert "operations.marts.fct_departures" in told("incident", "show", "1", "--status").stdout
    file = tmp_path / "one.md"
    told("incident", "show", "1", "--postmortem", str(file))
    assert file.read_text().startswith(f"# Incident 1: {name}")
    for wrong in refused(file):
        with pytest.raises(InvalidDeclarationError):
            told("incident", *wrong)
    closed = facts("incident", "close", "1", "--reason", "one bad afternoon of the bus")
    assert closed["state"] == "closed"
    assert "number" in told("incident", "list").stdout
    assert facts("incident", "list") == []
    again = facts("incident", "open", name, "again", "--again", "1")
    assert (again["state"], again["openings"]) == ("open", 2)
    assert [each["number"] for each in facts("incident", "list")] == [1]
    assert "suspects" in facts("incident", "show", "1")
