"""A short cut of the campaign of poison records, for each kind."""

from __future__ import annotations

import random

import pytest

from tests.faults.outcome import Bench
from tests.faults.poison import GOOD_SHARE, KINDS, campaign, poisoned
from tests.faults.poison_words import records

pytestmark = pytest.mark.campaign
SHORT = 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_poison_record_is_kept_or_aside_alone(bench: Bench, kind: str) -> None:
    """Sixty of them among twenty good records: none is lost, none stands in the way."""
    found = poisoned(bench, kind, SHORT, 2013)
    assert found.problems == []
    assert found.kept >= SHORT // GOOD_SHARE
    assert found.aside >= 10
    assert found.kept + found.aside == SHORT + SHORT // GOOD_SHARE


def test_grammar_is_seeded() -> None:
    """One seed gives the same records, another gives others; each name comes once."""
    for kind in KINDS:
        first, again, other = (
            records(kind, 30, GOOD_SHARE, random.Random(seed)) for seed in (1, 1, 2)
        )
        assert first == again != other
        assert len({record.name for record in first}) == 40


@pytest.mark.slow
def test_campaign_counts_its_cases(bench: Bench) -> None:
    """Each kind has its share."""
    outcome = campaign(bench, 9, 7)
    assert outcome.count == 9
    assert outcome.problems == []
    assert {name.partition(":")[0] for name in outcome.figures} == set(KINDS)
