"""What mends is run by itself where somebody said so, as often as they said."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from watermain.declare import Remedy
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.lake.lake import Lake
from watermain.observe.alert.alert import Alert
from watermain.observe.alert.book import AlertBook
from watermain.observe.runbook import remedies
from watermain.observe.runbook.book import RunbookBook, RunbookCase, StepTaken
from watermain.observe.runbook.remedies import REMEDY, KnownRemedies, Remedying
from watermain.observe.runbook.shelf import runbooks
from watermain.settings import project

FEES = DatasetName.parse("billing.curated.fees")
AT = datetime(2026, 6, 3, 8, tzinfo=UTC)
LATE = Remedy(runbook="partitions-are-late", covers=("billing",), commands_a_day=2)
MINUTE = timedelta(minutes=1)


class Running:
    """A command that somebody started; `code` is how it ended, None while it runs."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.code = list(words), None

    def poll(self) -> int | None:
        """How it ended."""
        return self.code


class Office:
    """A step over books of its own, whose commands are only written down."""

    def __init__(self, lake: Lake) -> None:
        self.alerts, self.book = AlertBook(lake.dsn()), RunbookBook(lake.dsn())
        self.known: list[Remedy] = [LATE]
        self.begun = list[Running]()
        self.step = Remedying(
            lambda: self.book,
            self.alerts,
            known=lambda: self.known,
            start=self.start,  # type: ignore[arg-type]
        )

    def start(self, words: Sequence[str]) -> Running:
        """Write down what is started."""
        self.begun.append(Running(words))
        return self.begun[-1]

    def alert(self, **words: object) -> None:
        """Have an alert that people were told of."""
        signal = Signal(
            dataset=FEES, promise="on_time", severity="page", rule="r", told="late", at=AT,
            partitions=("2026-06-01", "2026-06-02"),
        )  # fmt: skip
        made = Alert(
            cause_id=f"{FEES}@x", root=FEES, severity="page", owner="team:billing", began_at=AT,
            signals=(signal,), members=(FEES,), state="firing", pending_since=AT,
            told=(("page", 0),),
        )  # fmt: skip
        with self.alerts.connected() as connection:
            self.alerts.write(connection, [replace(made, **words)], [])  # type: ignore[arg-type]

    def ran(self, at: datetime) -> None:
        """Write down that the last command was run, as it does itself, and end it."""
        case = RunbookCase(runbook=LATE.runbook, dataset=FEES, partition="2026-06-02")
        self.book.begin(
            StepTaken(case=case, words=("watermain",), by=REMEDY, is_automatic=True, at=at)
        )
        self.begun[-1].code = 0  # type: ignore[assignment]


@pytest.fixture
def office(lake: Lake) -> Iterator[Office]:
    """A step with books of its own."""
    return Office(lake)


def test_remedy_is_run_once_people_were_told(office: Office) -> None:
    """For the newest partition; nothing before, and nothing beside one that runs."""
    office.alert(state="pending", told=())
    assert office.step(AT) == ""
    office.alert()
    assert office.step(AT) == f"runbook partitions-are-late for {FEES} 2026-06-02 begins"
    assert office.begun[0].words == [
        *("runbook", "run", "partitions-are-late", "--dataset", str(FEES)),
        *("--partition", "2026-06-02", "--most", "2"),
    ]
    assert office.step(AT + MINUTE) == ""
    assert len(office.begun) == 1


def test_remedy_is_bounded(office: Office) -> None:
    """A quarter of an hour lies between two, and a day has no more than was declared."""
    office.alert()
    office.step(AT)
    office.ran(AT)
    assert office.step(AT + MINUTE) == (
        f"runbook partitions-are-late for {FEES} 2026-06-02 ended with 0"
    )
    assert office.step(AT + 14 * MINUTE) == ""
    assert office.step(AT + 16 * MINUTE).endswith("begins")
    office.ran(AT + 16 * MINUTE)
    assert office.step(AT + 40 * MINUTE).endswith("ended with 0")
    assert office.step(AT + 40 * MINUTE) == ""
    assert office.step(AT + timedelta(days=1, minutes=1)).endswith("begins")


@pytest.mark.parametrize(
    "known",
    [
        [],
        [Remedy(runbook="partitions-are-late", covers=("sales", "billing.curated.other"))],
        [Remedy(runbook="work-piles-up", covers=("billing",))],
    ],
    ids=["none", "of others", "of another symptom"],
)
def test_nothing_is_run_that_nobody_declared(office: Office, known: list[Remedy]) -> None:
    """Off by default; a remedy is for its datasets, for its own symptom."""
    office.alert()
    office.known = known
    assert office.step(AT) == ""
    assert office.begun == []


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of a project's remedies."""
    package = tmp_path / "remedied"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("remedied", "remedied.remedies"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    here = replace(project(), root=tmp_path, resources="remedied")
    for name in ("watermain.engine.rooms.connections.project", f"{remedies.__name__}.project"):
        monkeypatch.setattr(name, lambda: here)
    return package / "remedies.py"


def test_remedies_are_read_as_they_are_written(written: Path) -> None:
    """None without a file; those that it has now, without a new start."""
    known = KnownRemedies()
    assert known() == ()
    head = "from watermain import Remedy\n"
    written.write_text(head + 'late = Remedy(runbook="partitions-are-late", covers=("a",))\n')
    assert [each.covers for each in known()] == [("a",)]
    assert known()[0].declared.endswith("remedies.py:2")
    written.write_text(head + 'late = Remedy(runbook="partitions-are-late", covers=("a", "bb"))\n')
    assert [each.covers for each in known()] == [("a", "bb")]
    written.unlink()
    assert known() == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('Remedy(runbook="partitions-are-lat", covers=("a",))', "use one of `partitions-are-late`"),
        ('Remedy(runbook="unusual-volume", covers=("a",))', "leave the remedy out, or mark one"),
        ('Remedy(runbook="partitions-are-late", covers="sales")', "in a tuple"),
        ('Remedy(runbook="partitions-are-late", covers=())', "name datasets or rooms"),
        ('Remedy(runbook="x", covers=("a",), commands_a_day=0)', "use one from 1 to 24"),
        ("1 / 0", "mend it"),
    ],
)
def test_wrong_remedy_is_refused(written: Path, line: str, said: str) -> None:
    """Where it is declared, with what would be right; in every round again."""
    written.write_text(f"from watermain import Remedy\nlate = {line}\n")
    known = KnownRemedies()
    for _ in range(2):
        with pytest.raises(InvalidDeclarationError) as refused:
            known()
        assert said in str(refused.value)
        assert len(str(refused.value).splitlines()) == 4


def test_what_mends_asks_nothing(lake: Lake) -> None:
    """Each command that mends needs only words that are known by themselves."""
    asked = {
        name: step.unfilled - {"DATASET", "PARTITION"}
        for name, book in runbooks().items()
        for step in book.steps
        if step.kind == "mend"
    }
    assert {name for name, lacks in asked.items() if lacks} == set()
