"""What was run is written down, for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.observe.incident.book import IncidentBook
from watermain.observe.runbook.book import RunbookBook, RunbookCase, StepTaken
from watermain.observe.runbook.page import runbook
from watermain.observe.runbook.runner import RunbookRunner

FEES = DatasetName.parse("billing.curated.fees")
CASE = RunbookCase(runbook="late", dataset=FEES, partition="2026-06-01")
AT = datetime(2026, 6, 3, 8, tzinfo=UTC)
PAGE = """# Late
```sh
# look: why
watermain explain DATASET PARTITION
# mend: ask again
watermain run DATASET --partition PARTITION
# mend: log
watermain run NUMBER
# mend: and again
watermain run DATASET
```
"""


def step(at: datetime, *, automatic: bool = False) -> StepTaken:
    """One command that begins at an instant."""
    words = ("watermain", "run", str(FEES))
    return StepTaken(case=CASE, words=words, by="ann", is_automatic=automatic, at=at)


def test_step_is_written_before_and_after(lake: Lake) -> None:
    """Who, what, when, how it ended; one that never ended is seen as that."""
    book = RunbookBook(lake.dsn())
    number = book.begin(step(AT))
    assert number is not None
    (begun,) = book.taken([FEES])
    assert (begun.ended_at, begun.exit_code) == (None, None)
    assert begun.told.endswith("(no end is known)")
    ended = StepTaken(**{**vars(step(AT)), "ended_at": AT + timedelta(seconds=3), "exit_code": 1})
    book.end(number, ended)
    assert book.taken([FEES]) == [ended]
    assert book.taken([DatasetName.parse("sales.raw.orders")]) == []


def test_no_row_is_ever_changed(lake: Lake) -> None:
    """Neither changed nor deleted, nor ended twice."""
    book = RunbookBook(lake.dsn())
    number = book.begin(step(AT))
    assert number is not None
    for order in ("delete from", "update", "truncate"):
        with psycopg.connect(lake.dsn()) as connection:
            words = f"{order} watermain.runbook_step"
            words += " set by = 'bob'" if order == "update" else ""
            words += " cascade" if order == "truncate" else ""
            with pytest.raises(psycopg.errors.RaiseException, match="is never changed"):
                connection.execute(words)  # type: ignore[arg-type]
    ended = StepTaken(**{**vars(step(AT)), "ended_at": AT, "exit_code": 0})
    book.end(number, ended)
    with pytest.raises(psycopg.errors.UniqueViolation):
        book.end(number, ended)


def test_open_incident_hears_of_it(lake: Lake) -> None:
    """In its timeline; one that is closed, or of another dataset, does not."""
    incidents, dsn = IncidentBook(lake.dsn()), lake.dsn()
    first = incidents.open(FEES, "late", owner="", by="ann", at=AT)
    incidents.add(first.number, "closed", "no check: x", by="ann", at=AT)
    second = incidents.open(FEES, "late", owner="", by="ann", at=AT)
    other = incidents.open(DatasetName.parse("sales.raw.orders"), "late", owner="", by="ann", at=AT)
    runner = RunbookRunner(book=RunbookBook(dsn), case=CASE, by="ann", run=lambda words: 3)
    done = runner.take(runbook("late", PAGE).steps[0], {"DATASET": str(FEES), "PARTITION": "p;'"})
    assert done is not None
    assert done.exit_code == 3
    assert done.words == ("watermain", "explain", str(FEES), "p;'")
    notes = [e for e in incidents.one(second.number).entries if e.kind == "note"]
    assert [(n.by, n.text.partition(" after ")[0]) for n in notes] == [
        ("ann", f"runbook late: watermain explain {FEES} 'p;'\"'\"'' ended with 3")
    ]
    assert [e.kind for e in incidents.one(first.number).entries] == ["opened", "closed"]
    assert [e.kind for e in incidents.one(other.number).entries] == ["opened"]


def test_automatic_mending_is_bounded(lake: Lake) -> None:
    """Only what mends and has its words is run, up to the bound of a day; people have none."""
    book, ran = RunbookBook(lake.dsn()), list[tuple[str, ...]]()

    def run(words: tuple[str, ...]) -> int:
        ran.append(words)
        return 0

    runner = RunbookRunner(book=book, case=CASE, by="remedy", is_automatic=True, most=3, run=run)
    words = {"DATASET": str(FEES), "PARTITION": "p"}
    pages = runbook("late", PAGE).steps
    assert len(list(runner.mend(pages, words))) == 2
    assert [w[1:] for w in ran] == [("run", str(FEES), "--partition", "p"), ("run", str(FEES))]
    assert len(list(runner.mend(pages, words))) == 1
    assert list(runner.mend(pages, words)) == []
    person = RunbookRunner(book=book, case=CASE, by="ann", run=run)
    assert person.take(pages[1], words) is not None
    assert [s.is_automatic for s in book.taken([FEES])] == [True, True, True, False]


def test_mending_stops_at_the_first_that_fails(lake: Lake) -> None:
    """What comes after it may need it."""
    runner = RunbookRunner(book=RunbookBook(lake.dsn()), case=CASE, by="remedy", run=lambda w: 1)
    words = {"DATASET": str(FEES), "PARTITION": "p"}
    assert len(list(runner.mend(runbook("late", PAGE).steps, words))) == 1
