"""A store that is killed, flushed while it is filled ends as the lake is."""

from __future__ import annotations

import pytest

from tests.faults import parities
from tests.faults.outcome import Bench


@pytest.mark.services
def test_killed_store_ends_as_the_lake_is(bench: Bench) -> None:
    """Five kills, two flushes, a pusher killed on the way; no entity differs."""
    outcome = parities.campaign(bench, 5, 2013, keys=3000)
    assert outcome.problems == []
    assert (outcome.count, outcome.figures["flushes"], outcome.figures["keys"]) == (5, 2, 3000)
    assert outcome.figures["pushers killed"] == 1
