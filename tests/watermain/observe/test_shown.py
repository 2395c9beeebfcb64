"""Books of the platform as datasets of room upkeep, in a real lake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.watermain.engine.promise.promises import FEES, Commits, june, promise
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.promise.book import LONG_AGO, VerdictBook
from watermain.engine.promise.evaluate import Evaluator
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.observe import shown
from watermain.observe.shown import BooksShown, CopiedBook
from watermain.record.audit import AuditEntry, AuditLog
from watermain.upkeep.raw import audit, verdicts


@pytest.fixture
def book(lake: Lake) -> VerdictBook:
    """Two days judged, the first good."""
    kept, commits = VerdictBook(lake.dsn), Commits()
    commits.publish("2026-06-01", june(2, 1))
    evaluator = Evaluator(kept, commits)
    evaluator.judge([promise()], june(1, 12))
    evaluator.judge([promise()], june(3, 8))
    return kept


def _rows(lake: Lake) -> list[tuple[object, ...]]:
    names = ", ".join(verdicts.contract.schema.names)
    with lake.get_connection() as connection:
        return connection.execute(f"select {names} from {ledger.JUDGED} order by id").fetchall()


def test_verdicts_are_copied_once(lake: Lake, book: VerdictBook) -> None:
    """A correction is a row more; the columns are those of the dataset."""
    assert shown.copy() == 2
    assert shown.copy() == 0
    found = _rows(lake)
    assert [row[1:5] for row in found] == [
        (str(FEES), "2026-06-01", june(2, 2), "good"),
        (str(FEES), "2026-06-02", june(3, 2), "bad"),
    ]
    assert [row[8] for row in found] == [june(2, 1), None]
    book.correct(FEES, "2026-06-02", "good", why="it was there", by="ann", now=june(3, 9))
    assert shown.copy() == 1
    assert _rows(lake)[-1][4:8] == ("good", june(3, 9), "ann", "it was there")
    kept = book.verdicts([FEES], LONG_AGO, june(9))[FEES]
    assert kept["2026-06-02"].state == "good"


def test_verdict_that_becomes_visible_late_is_copied(
    lake: Lake, book: VerdictBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number is lower than one that was copied already."""
    real = shown._after
    hide = [True]

    def later(dsn: str, book: CopiedBook, since: int, known: set[int]) -> list[object]:
        rows = real(dsn, book, since, known)
        return [row for row in rows if not (hide[0] and row[2] == "2026-06-01")]

    monkeypatch.setattr(shown, "_after", later)
    assert shown.copy() == 1
    hide[0] = False
    assert shown.copy() == 1
    assert len(_rows(lake)) == 2


def test_step_copies_only_what_is_new(lake: Lake, book: VerdictBook) -> None:
    """In a process that ends; one that was lost is made again by the next."""
    step = BooksShown(lake.dsn)
    assert step(june(3, 8)) == ""
    assert len(_rows(lake)) == 2
    with lake.get_connection() as connection:
        before = lake.snapshot(connection)
    step(june(3, 9))
    BooksShown(lake.dsn)(june(3, 10))
    with lake.get_connection() as connection:
        assert lake.snapshot(connection) == before
    assert step(june(3, 9) + timedelta(minutes=1)) == ""


def test_book_that_nobody_has_begun_has_nothing_to_copy(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a database that is away is told."""
    step = BooksShown(lake.dsn)
    assert step(june(3)) == ""
    away = BooksShown(lambda: "host=127.0.0.1 port=1 dbname=x connect_timeout=1")
    with pytest.raises(UnreachableSystemError):
        away(june(3))


def test_refusals_are_copied_also_those_that_waited(lake: Lake, home: Path) -> None:
    """Each once; what the database took later comes with the time at which it happened."""
    log, step = AuditLog(lake.dsn, home / "audit"), BooksShown(lake.dsn)
    entry = AuditEntry(at=june(3, 8), kind="unmask", who="ann", detail="no reason was given")
    assert log.append([entry]) == ""
    step(june(3, 9))
    waited = AuditEntry(
        at=june(2, 8), kind="query", who="ben", detail="a file", dataset=str(FEES), count=3
    )
    assert log.append([waited]) == ""
    assert (shown.copy(), shown.copy()) == (1, 0)
    names = ", ".join(audit.contract.schema.names)
    with lake.get_connection() as connection:
        found = connection.execute(
            f"select {names} from {ledger.AUDIT} order by refused_at"
        ).fetchall()
    assert found == [
        (str(waited.id), june(2, 8), "query", "ben", str(FEES), 3, "a file"),
        (str(entry.id), june(3, 8), "unmask", "ann", None, 1, "no reason was given"),
    ]
