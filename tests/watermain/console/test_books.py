"""The books, read over a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.watermain.console.seeded import SeededPlatform
from tests.watermain.engine.promise.promises import june
from watermain.console.books import ShownBooks
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.settings import load_settings

NOW = june(20, 12)
LATE = DatasetName("operations", "curated", "late_fees")


@pytest.fixture
def seeded(home: Path, lake: Lake) -> SeededPlatform:
    """A platform in trouble."""
    made = SeededPlatform(home, str(load_settings().postgres), NOW)
    made.judged(days=3)
    made.troubled()
    return made


def test_nothing_was_written_yet(home: Path) -> None:
    """Where there is no table nothing is found, and none is made."""
    dsn = str(load_settings().postgres)
    books = ShownBooks(lambda: dsn)
    assert books.verdicts is None
    assert (books.alerts(NOW), books.incidents(), books.tries()) == ([], [], [])
    assert books.undelivered() == []
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select to_regnamespace('watermain')").fetchone()
    assert row == (None,)


def test_trouble_is_read(seeded: SeededPlatform) -> None:
    """An alert with all that it reaches, an incident, what was tried, what was not delivered."""
    books = ShownBooks(lambda: seeded.dsn)
    (alert,) = books.alerts(NOW)
    assert (alert.root, alert.severity, alert.state) == (str(LATE), "page", "firing")
    assert alert.is_open
    assert alert.reached == {str(LATE), "operations.marts.fct_fees"}
    assert alert.told[0].startswith(f"{LATE}: 2026-06-18 is missing")
    (incident,) = books.incidents()
    assert (incident.number, incident.dataset, incident.state) == (1, LATE, "open")
    assert {(t.dataset, t.partition, t.state, t.tries) for t in books.tries()} == {
        (str(LATE), "2026-06-18", "held", 5),
        ("operations.marts.fct_fees", "", "held", 5),
    }
    assert [t.partition for t in books.tries(LATE)] == ["2026-06-18"]
    (waiting,) = books.undelivered()
    assert (waiting.notifier, waiting.count, waiting.tries) == ("oncall", 1, 0)


def test_alert_of_another_release_is_shown(seeded: SeededPlatform) -> None:
    """What it says beyond its columns may be missing; it is an alert all the same."""
    with psycopg.connect(seeded.dsn) as connection:
        connection.execute("update watermain.alert set facts = '{}'")
    (alert,) = ShownBooks(lambda: seeded.dsn).alerts(NOW)
    assert (alert.told, alert.reached) == ([], {str(LATE)})


def test_repaired_alert_is_read_for_as_long_as_asked(seeded: SeededPlatform) -> None:
    """It was repaired at nine."""
    with psycopg.connect(seeded.dsn) as connection:
        connection.execute(
            "update watermain.alert set state = 'resolved', resolved_at = %s", [june(20, 9)]
        )
    books = ShownBooks(lambda: seeded.dsn)
    assert [a.is_open for a in books.alerts(june(20, 8))] == [False]
    assert books.alerts(june(20, 10)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "delete from watermain.alert",
        "insert into watermain.evaluated values (2, now())",
        "create table watermain.mine (a int)",
    ],
)
def test_server_refuses_to_write(seeded: SeededPlatform, statement: str) -> None:
    """Whatever a page would do by mistake."""
    with (
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ShownBooks(lambda: seeded.dsn).sessions.lent() as session,
    ):
        session.execute(statement)  # type: ignore[arg-type]


def test_verdicts_are_those_of_the_book(seeded: SeededPlatform) -> None:
    """The same verdicts, the same instant, by way of sessions that are lent."""
    book, own = ShownBooks(lambda: seeded.dsn).verdicts, seeded.judged(days=3)
    assert book is not None
    assert book.verdicts([LATE], june(1), NOW) == own.verdicts([LATE], june(1), NOW)
    assert book.evaluated_at() == own.evaluated_at() == NOW
    assert len(book.stamp()) == 3


def test_stamp_changes_with_what_is_written(seeded: SeededPlatform) -> None:
    """A verdict more is another stamp; a look is none."""
    book, own = ShownBooks(lambda: seeded.dsn).verdicts, seeded.judged(days=3)
    assert book is not None
    before = book.stamp()
    assert book.stamp() == before
    own.correct(LATE, "2026-06-19", "excused", why="it was no working day", by="ann", now=NOW)
    assert book.stamp() != before


def test_server_that_is_away_is_said_to_be() -> None:
    """Without its address."""
    books = ShownBooks(lambda: "host=127.0.0.1 port=9 password=hidden connect_timeout=1")
    with pytest.raises(UnreachableSystemError) as told:
        books.alerts(NOW)
    assert "hidden" not in str(told.value)
