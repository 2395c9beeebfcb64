"""Commands on published rows that are killed, given again, end as the books say."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.faults.book import DAYS, EARLY, NAMES, RAW, STRICT, Act, Book, Rule, Sale
from tests.faults.contracts import FAILPOINTS, PLACES, campaign
from tests.faults.outcome import Bench

KILLS = 12
SALES = NAMES[1]
ARRIVED = (
    Sale("a", DAYS[1], "5"),
    Sale("a", DAYS[1], "7"),
    Sale("b", DAYS[1], "-3"),
    Sale("c", DAYS[2], "0"),
    Sale("d", DAYS[2], "many"),
    Sale("e", EARLY, "4"),
)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_commands_end_as_the_books_say(bench: Bench) -> None:
    """A short cut of the campaign in `make faults`."""
    outcome = campaign(bench, KILLS, 2013)
    assert outcome.problems == []
    assert outcome.count == KILLS
    assert outcome.figures["while recovering"] >= KILLS // 3
    assert outcome.figures["looks of readers"] > 0


def test_every_failpoint_of_the_commands_is_killed_at() -> None:
    """None is written down without being struck."""
    assert set(FAILPOINTS) <= {place for places in PLACES.values() for place in places}


def test_book_publishes_the_latest_puts_aside_leaves_out() -> None:
    """The book itself, by hand."""
    book = Book()
    book.follow(Act(word="arrive", sales=ARRIVED))
    book.follow(Act(word="publish", name=SALES))
    counts = {day: part.counts for day, part in book.parts[SALES].items()}
    assert counts == {
        DAYS[0]: (0, 0, 0),
        DAYS[1]: (3, 1, 1),
        DAYS[2]: (1, 0, 0),
        DAYS[3]: (0, 0, 0),
    }
    assert book.open == [
        (SALES, DAYS[1], "b", "-3"),
        (RAW, "", "d", "many"),
        (RAW, "", "e", "4"),
    ]
    book.follow(Act(word="retype"))
    book.follow(Act(word="replay", name=SALES, rule=Rule(-4, 1)))
    assert book.open == [(RAW, "", "d", "many")]
    assert book.parts[SALES][DAYS[1]].rows == {"a": 7, "b": -3}
    assert book.verdicts == {(RAW, "replayed"): 1}


def test_book_refuses_to_promote_over_what_moved() -> None:
    """A branch of the same rule has nothing to promote; one that was overtaken loses."""
    book = Book()
    book.follow(Act(word="arrive", sales=ARRIVED))
    book.follow(Act(word="publish", name=SALES))
    book.follow(Act(word="create", branch="b"))
    book.follow(Act(word="publish", name=SALES, branch="b"))
    assert book.follow(Act(word="promote", branch="b"))[0] == "BranchError"
    book.follow(Act(word="publish", name=SALES, branch="b", rule=Rule(-4, 2)))
    book.follow(Act(word="publish", name=SALES, rule=Rule(-1, 2)))
    assert book.follow(Act(word="promote", branch="b"))[0] == "LostLeaseError"
    assert book.parts[SALES][DAYS[1]].version[0] == Rule(-1, 2)


def test_book_passes_one_picture_for_each_run_between_blocked_days() -> None:
    """A blocked day keeps what it had; those beside it are published apart."""
    book, chance = Book(), random.Random(7)
    first = [Sale(f"{day}/{chance.randrange(9)}", day, "5") for day in DAYS[1:]]
    book.follow(Act(word="arrive", sales=tuple(first)))
    book.follow(Act(word="publish", name=SALES))
    blocked = [s._replace(amount="1000" if s.day == DAYS[2] else "6") for s in first]
    book.follow(Act(word="arrive", sales=tuple(blocked)))
    said, passed = book.follow(Act(word="publish", name=SALES))
    assert said == ""
    assert len(passed) == 3
    assert all(one != other for one, other in pairwise(passed))
    assert book.parts[SALES][DAYS[2]].version == (STRICT, 1)
