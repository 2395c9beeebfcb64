"""Votes on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from watermain.declare.errors import InvalidDeclarationError, UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.lake.catalog import catalog_dsn
from watermain.record.vote import Vote, VoteBook, counted, vote_of
from watermain.settings import load_settings

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
FEES, FLIGHTS = map(DatasetName.parse, ("billing.curated.fees", "operations.curated.flights"))


@pytest.fixture
def book(home: Path) -> VoteBook:
    """The votes beside a catalog of their own."""
    return VoteBook(lambda: catalog_dsn(load_settings()))


def vote(who: str, score: int, days: int = 0, dataset: DatasetName = FEES) -> Vote:
    """A vote so many days after the first of June."""
    return Vote(at=JUNE + timedelta(days=days), dataset=dataset, who=who, score=score, why="so")


def test_append_keeps_every_vote(book):
    """All of them come back, of one dataset or of all, from an instant on."""
    given = [vote("ann", 3), vote("ann", 5, 1), vote("bob", 1, 2, FLIGHTS)]
    for each in given:
        book.append(each)
    assert book.since(JUNE) == given
    assert book.since(JUNE, FEES) == given[:2]
    assert book.since(JUNE + timedelta(days=1), FLIGHTS) == given[2:]


def test_append_is_for_good(book):
    """A vote is never changed, not even in the database."""
    book.append(vote("ann", 3))
    with (
        psycopg.connect(catalog_dsn(load_settings())) as connection,
        pytest.raises(psycopg.Error, match="a vote is never changed"),
    ):
        connection.execute("update watermain.vote set score = 5")


def test_append_says_when_the_database_is_away(home):
    """Nobody is told that a vote was taken which was not."""
    away = VoteBook(lambda: "host=127.0.0.1 port=1 dbname=none")
    with pytest.raises(UnreachableSystemError) as caught:
        away.append(vote("ann", 3))
    assert caught.value.data == "no vote was written"


def test_counted_takes_the_last_of_a_month():
    """One vote of a person about a dataset in a month; another month is another vote."""
    first, second, other = vote("ann", 1), vote("ann", 2, 29), vote("ann", 3, 30)
    elsewhere = vote("ann", 4, 1, FLIGHTS)
    assert counted([first, elsewhere, second, other]) == [elsewhere, second, other]


@pytest.mark.parametrize(
    "text", ["0", "6", "-1", "4.5", "", "five", "٣", "44444444444444444444444"]
)
def test_vote_of_refuses_what_is_no_score(text):
    """Five whole numbers are scores, and the refusal lists them."""
    with pytest.raises(InvalidDeclarationError, match="one of 1, 2, 3, 4 or 5") as caught:
        vote_of(FEES, text, who="ann", why="", at=JUNE)
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("who", "why", "told"), [(" ", "", "no name"), ("a\nb", "", "no name"), ("a", "x" * 501, "501")]
)
def test_vote_of_refuses_nobody_and_novels(who, why, told):
    """A vote has a name of one line, and a reason that fits on a page."""
    with pytest.raises(InvalidDeclarationError, match=told):
        vote_of(FEES, "4", who=who, why=why, at=JUNE)
