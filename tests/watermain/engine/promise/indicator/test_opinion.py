"""Votes of consumers, with known answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watermain.declare.name import DatasetName
from watermain.engine.promise.indicator.opinion import votes
from watermain.record.vote import Vote

FEES = DatasetName.parse("billing.curated.fees")


def vote(who: str, score: int, month: int = 6, day: int = 1) -> Vote:
    """A vote of somebody in 2026."""
    return Vote(at=datetime(2026, month, day, tzinfo=UTC), dataset=FEES, who=who, score=score)


KNOWN = {
    "nobody voted": [],
    "4.0 of 5 by 1 person, too few for a mean to say much: fewer than 3; whoever voted chose to": [
        vote("ann", 1, day=1),
        vote("ann", 4, day=2),
    ],
    "2.5 of 5 by 2 people, too few for a mean to say much: fewer than 3; whoever voted chose to": [
        vote("ann", 4),
        vote("bob", 1),
    ],
    # Ann's months are one voice: (1 + 3) / 2, 4 and 5 make 11 / 3.
    "3.7 of 5 by 3 people; whoever voted chose to": [
        vote("ann", 1, month=5),
        vote("ann", 3, month=6),
        vote("bob", 4),
        vote("eve", 5),
    ],
}


@pytest.mark.parametrize("told", KNOWN)
def test_votes_say_what_they_rest_on(told):
    """The last vote of a month counts, a person is one voice, and few voters are said to be few."""
    assert str(votes(KNOWN[told])) == told


def test_votes_of_nobody_are_no_zero():
    """What nobody voted on has no mean."""
    assert votes([]).mean is None
