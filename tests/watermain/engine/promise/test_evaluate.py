"""Verdicts: judged once, by the lake's commits, whatever happened to whoever judges."""

from __future__ import annotations

import uuid
from datetime import timedelta

import psycopg
import pytest

from tests.lakes import LakeTemplate
from tests.watermain.engine.promise.promises import FEES, TWO_HOURS, Commits, june, promise
from watermain.declare import Due, Slo
from watermain.declare.errors import InvalidDeclarationError, UnreachableSystemError
from watermain.engine.promise.book import LONG_AGO, SET_BACK, VerdictBook
from watermain.engine.promise.evaluate import SETTLE, Evaluator
from watermain.engine.promise.verdict import EVALUATOR, Verdict

FAR = june(30) + timedelta(days=365)


@pytest.fixture
def dsn(empty_lake: LakeTemplate) -> str:
    """A database of its own."""
    name = f"book_{uuid.uuid4().hex}"
    empty_lake.server.ensure_database(name)
    return empty_lake.server.dsn(name)


@pytest.fixture
def book(dsn: str) -> VerdictBook:
    """An empty book."""
    return VerdictBook(lambda: dsn)


@pytest.fixture
def lake() -> Commits:
    """A lake without any publish."""
    return Commits()


@pytest.fixture
def evaluator(book: VerdictBook, lake: Commits) -> Evaluator:
    """An evaluator that has just been told of the promise, at noon of the first of June."""
    evaluator = Evaluator(book, lake)
    evaluator.judge([promise()], june(1, 12))
    return evaluator


def told(book: VerdictBook) -> dict[str, str]:
    """The state of each partition."""
    return {key: v.state for key, v in _all(book).items()}


def _all(book: VerdictBook) -> dict[str, Verdict]:
    return book.verdicts([FEES], LONG_AGO, FAR)[FEES]


def test_partition_is_judged_once_when_it_is_due(
    evaluator: Evaluator, lake: Commits, book: VerdictBook
) -> None:
    """Not before, nor again; what was there is good, what was not is bad."""
    lake.publish("2026-06-01", june(2, 1))
    evaluator.judge([promise()], june(2, 2))
    assert told(book) == {}  # a commit may be under way
    assert len(evaluator.judge([promise()], june(2, 2) + SETTLE).verdicts) == 1
    assert evaluator.judge([promise()], june(2, 3)).verdicts == ()
    evaluator.judge([promise()], june(3, 3))
    assert told(book) == {"2026-06-01": "good", "2026-06-02": "bad"}


def test_nothing_is_due_from_before_it_was_promised(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """Years of backfill make no event: the first of June is the first that is due."""
    lake.publish("2026-05-30", june(2, 3))
    evaluator.judge([promise()], june(2, 3))
    assert told(book) == {"2026-06-01": "bad"}


def test_late_arrival_says_how_late_and_improves_nothing(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """A backfill turns nothing green."""
    evaluator.judge([promise()], june(2, 3))
    lake.publish("2026-06-01", june(2, 5))
    evaluator.judge([promise()], june(2, 6))
    (verdict,) = _all(book).values()
    assert (verdict.state, verdict.late_by) == ("bad", timedelta(hours=3))


def test_commit_that_was_seen_by_nobody_when_it_was_due_is_late(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """Its clock says in time, but it was looked for in vain."""
    evaluator.judge([promise()], june(2, 3))
    lake.publish("2026-06-01", june(2, 1))
    evaluator.judge([promise()], june(2, 4))
    (verdict,) = _all(book).values()
    assert (verdict.state, verdict.ready_at) == ("bad", june(2, 3))


def test_evaluator_that_was_away_judges_by_the_commits(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """A week later the same verdicts, late ones with their lateness."""
    lake.publish("2026-06-01", june(2, 1))
    lake.publish("2026-06-02", june(3, 4))
    evaluator.judge([promise()], june(9, 3))
    assert told(book) == {
        "2026-06-01": "good",
        **{f"2026-06-0{day}": "bad" for day in range(2, 9)},
    }
    assert _all(book)["2026-06-02"].late_by == timedelta(hours=2)


def test_words_that_changed_while_it_was_away_make_unknown(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """Nobody can say which due time was in force; from now on the new one is."""
    lake.publish("2026-06-01", june(2, 1))
    evaluator.judge([promise()], june(2, 3))
    later = promise(Slo(ready_within=timedelta(hours=6)))
    evaluator.judge([later], june(5, 3))
    evaluator.judge([later], june(6, 7))
    states = told(book)
    assert [states.get(f"2026-06-0{d}") for d in range(1, 6)] == [
        *("good", "unknown", "unknown", "unknown", "bad")
    ]


def test_words_that_change_under_its_eyes_leave_no_gap(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """What was due by the old words is judged by them, each partition once."""
    evaluator.judge([promise()], june(2, 1, 59))
    later = promise(Slo(due=Due("0 7 * * *")))
    evaluator.judge([later], june(2, 2, 1))
    evaluator.judge([later], june(3, 8))
    assert told(book) == {"2026-06-01": "bad", "2026-06-02": "bad"}
    assert _all(book)["2026-06-01"].due_at == june(2, 2)
    assert _all(book)["2026-06-02"].due_at == june(3, 7)


def test_promise_that_ended_expects_nothing(evaluator: Evaluator, book: VerdictBook) -> None:
    """Who takes the promise away, at once stops being judged."""
    evaluator.judge([], june(1, 13), ended=[FEES])
    evaluator.judge([], june(3, 3))
    assert told(book) == {}


def test_excuse_counts_when_it_was_declared_before(evaluator: Evaluator, book: VerdictBook) -> None:
    """Afterwards it is none; a correction is."""
    book.excuse(FEES, "2026-06-01", why="the airport is closed", by="ann", now=june(2, 1))
    book.excuse(FEES, "2026-06-02", why="it was closed", by="ann", now=june(3, 4))
    evaluator.judge([promise()], june(3, 5))
    assert told(book) == {"2026-06-01": "excused", "2026-06-02": "bad"}
    assert _all(book)["2026-06-01"].why == "the airport is closed"
    book.correct(FEES, "2026-06-02", "excused", why="was closed", by="ann", now=june(3, 6))
    assert _all(book)["2026-06-02"].state == "excused"
    assert _all(book)["2026-06-02"].by == "ann"
    with pytest.raises(InvalidDeclarationError, match="no verdict to correct"):
        book.correct(FEES, "2026-06-09", "good", why="x", by="ann", now=june(3, 6))


def test_lake_that_is_away_makes_no_verdict(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """It is asked again, and then the verdict is the same as ever."""
    lake.publish("2026-06-01", june(2, 1))
    lake.is_away = True
    with pytest.raises(UnreachableSystemError):
        evaluator.judge([promise()], june(2, 3))
    assert told(book) == {}
    lake.is_away = False
    evaluator.judge([promise()], june(2, 8))
    assert told(book) == {"2026-06-01": "good"}


def test_clock_that_jumped_ahead_is_corrected_once_it_is_set_back(
    evaluator: Evaluator, book: VerdictBook, lake: Commits
) -> None:
    """What was judged in the future is judged again when it is due, and once."""
    evaluator.judge([promise()], june(5, 3))
    assert book.verdicts([FEES], LONG_AGO, june(1, 13))[FEES] == {}
    lake.publish("2026-06-01", june(2, 1))
    evaluator.judge([promise()], june(1, 13))
    evaluator.judge([promise()], june(2, 3))
    evaluator.judge([promise()], june(2, 4))
    found = _all(book)["2026-06-01"]
    assert (found.state, found.by) == ("good", SET_BACK)
    lake.publish("2026-06-02", june(3, 1))
    evaluator.judge([promise()], june(6, 3))
    assert _all(book)["2026-06-02"].by == EVALUATOR  # the real time has passed what was judged


def test_book_only_grows(evaluator: Evaluator, dsn: str) -> None:
    """Nobody changes a verdict, not even by hand."""
    evaluator.judge([promise()], june(2, 3))
    with psycopg.connect(dsn) as connection:
        for change in (
            "update watermain.verdict set state = 'good'",
            "delete from watermain.verdict",
            "truncate watermain.verdict",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="only grows"):
                connection.execute(change)
            connection.rollback()


@pytest.mark.parametrize("point", ["promise.before_commit", "promise.after_commit"])
def test_evaluator_killed_between_loses_nothing_and_doubles_nothing(
    evaluator: Evaluator,
    book: VerdictBook,
    dsn: str,
    point: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is told beside a verdict stands with it, or neither does."""

    def write(connection: psycopg.Connection) -> None:
        connection.execute("create table if not exists beside (told text)")
        connection.execute("insert into beside values ('2026-06-01')")

    monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{point}=raise")
    with pytest.raises(RuntimeError, match="failpoint"):
        evaluator.judge([promise()], june(2, 3), beside=[write])
    monkeypatch.delenv("WATERMAIN_FAILPOINT")
    done = evaluator.judge([promise()], june(2, 3))
    assert len(done.verdicts) == (point == "promise.before_commit")
    assert told(book) == {"2026-06-01": "bad"}
    with psycopg.connect(dsn) as connection:
        stands = connection.execute("select to_regclass('beside') is not null").fetchone()
    assert stands == (point == "promise.after_commit",)


def test_two_evaluators_judge_a_partition_once(
    evaluator: Evaluator, book: VerdictBook, lake: Commits, dsn: str
) -> None:
    """The second finds it judged, or its row is refused."""
    verdicts = evaluator.judge([promise()], june(2, 3)).verdicts
    book.append(verdicts, {}, june(2, 3))
    with psycopg.connect(dsn) as connection:
        count = connection.execute("select count(*) from watermain.verdict").fetchone()
    assert count == (1,)
    assert TWO_HOURS.told(promise().cadence) == (
        "partitions ready within 2 h, at most 1 of 28 late"
    )
