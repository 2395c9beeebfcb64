"""Runbooks are listed, shown for a case, run step by step."""

from __future__ import annotations

import getpass
import json

import pytest
from typer.testing import CliRunner, Result

from watermain.__main__ import app
from watermain.cli.tell import runbook as command
from watermain.declare.errors import (
    InvalidDeclarationError,
    InvalidPartitionError,
    UnknownDatasetError,
)
from watermain.lake.lake import Lake
from watermain.observe.incident.book import IncidentBook

FLIGHTS = "operations.curated.flights"
DAY = "2013-11-22"
OF = ("--dataset", FLIGHTS, "--partition", DAY)
LATE = "partitions-are-late"


def told(*words: str, said: str = "") -> Result:
    """What a command says to somebody who answers so."""
    done = CliRunner().invoke(app, ["runbook", *words], input=said)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that were run; those about stale partitions end with 1."""
    found = list[tuple[str, ...]]()

    def run(words: tuple[str, ...]) -> int:
        found.append(words)
        return int(words[1] == "stale")

    monkeypatch.setattr(command, "run_here", run)
    return found


def test_runbooks_are_listed() -> None:
    """Each with its symptom and its commands."""
    assert f"{LATE} " in told("list").stdout
    (late,) = (b for b in json.loads(told("list", "--json").stdout) if b["name"] == LATE)
    assert late["title"] == "Partitions are late"
    assert late["steps"][0]["lacks"] == ["DATASET", "PARTITION"]


def test_runbook_is_shown_for_a_case(lake: Lake) -> None:
    """With its commands as they are typed, the number of its incident among them."""
    assert "watermain explain DATASET PARTITION\n" in told("show", LATE).stdout
    shown = told("show", LATE, *OF).stdout
    assert f"watermain explain {FLIGHTS} {DAY}\n" in shown
    assert "watermain incident show NUMBER" in shown
    assert told("run", LATE, *OF, "--step", "6", said="n\n").exit_code == 0
    facts = json.loads(told("show", LATE, *OF, "--json").stdout)
    assert facts["steps"][0]["words"] == ["watermain", "explain", FLIGHTS, DAY]


def test_steps_are_asked_about_run_written(lake: Lake, ran: list[tuple[str, ...]]) -> None:
    """What somebody wants is run; what nobody knows a word for is left out and said to be."""
    book = IncidentBook(lake.dsn())
    name = command.named(FLIGHTS).name
    incident = book.open(name, "late", owner="", by="ann", at=command.Clock().now())
    done = told("run", LATE, *OF, said="y\nn\nn\n\ny\ny\ngood\nit was there\nn\n")
    assert "left out: nothing is known for `CAUSE`" in done.stdout
    assert ran == [
        ("watermain", "explain", FLIGHTS, DAY),
        ("watermain", "alert", "list"),
        ("watermain", "incident", "show", str(incident.number), "--status"),
        ("watermain", "run", FLIGHTS, "--partition", DAY),
    ]
    assert "watermain slo correct" in done.stdout
    assert "--why 'it was there'" in done.stdout
    logged = json.loads(told("log", "--dataset", FLIGHTS, "--json").stdout)
    assert [(s["by"], s["exit"], s["partition"]) for s in logged] == [
        (getpass.getuser(), 0, DAY)
    ] * 4
    notes = [e for e in book.one(incident.number).entries if e.kind == "note"]
    assert len(notes) == 4
    assert notes[0].text.startswith(f"runbook {LATE}: watermain explain")
    assert LATE in told("log", "--dataset", FLIGHTS).stdout


def test_failure_is_the_end_s_code(lake: Lake, ran: list[tuple[str, ...]]) -> None:
    """A command that ended with 1 makes the whole end with 1."""
    assert told("run", LATE, *OF, "--step", "1", "--yes").exit_code == 0
    assert ran == [("watermain", "explain", FLIGHTS, DAY)]
    ran.clear()
    assert told("run", "partitions-given-up", *OF, "--step", "1", "--yes").exit_code == 1
    assert ran == [("watermain", "stale", FLIGHTS)]


def test_remedy_runs_what_mends_so_often(lake: Lake, ran: list[tuple[str, ...]]) -> None:
    """Without a question, as nobody's; no more than its bound."""
    for _ in range(2):
        assert told("run", LATE, *OF, "--most", "1").exit_code == 0
    assert ran == [("watermain", "run", FLIGHTS, "--partition", DAY)]
    (step,) = json.loads(told("log", "--dataset", FLIGHTS, "--json").stdout)
    assert (step["by"], step["is_automatic"]) == ("remedy", True)


def test_partition_is_wanted_only_where_a_command_needs_it(
    lake: Lake, ran: list[tuple[str, ...]]
) -> None:
    """What is about the whole dataset is run without one."""
    words = ("run", LATE, "--dataset", FLIGHTS, "--step", "2", "--yes")
    assert told(*words).exit_code == 0
    assert ran == [("watermain", "slo", "show", FLIGHTS)]


def test_command_is_run_for_real(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, whose end is kept."""
    assert told("run", "partitions-are-late", *OF, "--step", "4", "--yes").exit_code == 0
    assert "undelivered" not in capfd.readouterr().err
    (step,) = json.loads(told("log", "--dataset", FLIGHTS, "--json").stdout)
    assert (step["words"], step["exit"]) == (["watermain", "alert", "list"], 0)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("run", "nothing", *OF), InvalidDeclarationError, "partitions-are-late"),
        (("run", LATE, "--dataset", "sales.raw.orders"), UnknownDatasetError, "operations"),
        (("run", LATE, "--dataset", "x; rm -rf /"), UnknownDatasetError, "watermain list"),
        (("run", LATE, "--dataset", FLIGHTS), InvalidPartitionError, "give --partition, such as"),
        (("run", LATE, "--dataset", FLIGHTS, "--partition", "2013-11"), InvalidPartitionError,
         "use one such as `2"),
        (("show", LATE, "--partition", DAY), InvalidDeclarationError, "give --dataset"),
        (("run", LATE, *OF, "--yes"), InvalidDeclarationError, "--step 1 --step 2"),
        (("run", LATE, *OF, "--step", "99"), InvalidDeclarationError, "`1`, `2`"),
    ],
)  # fmt: skip
def test_wrong_words_are_refused_with_right_ones(
    words: tuple[str, ...], error: type[Exception], said: str, ran: list[tuple[str, ...]]
) -> None:
    """Four lines; nothing is run."""
    with pytest.raises(error) as refused:
        told(*words)
    assert len(str(refused.value).splitlines()) == 4
    assert said in str(refused.value)
    assert ran == []
