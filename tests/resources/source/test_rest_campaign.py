"""A short cut of the campaign against the REST source."""

from __future__ import annotations

import pytest

from tests.resources.source.rest_campaign import FAULTS, campaign

SEED = 20130101


@pytest.mark.slow
def test_rest_survives_forty_schedules_of_faults() -> None:
    """Every kind of fault struck; nothing was lost, doubled, asked too fast."""
    tally = campaign(40, SEED)
    assert tally.schedules == 40
    assert tally.rows > 300
    assert set(tally.faults) == set(FAULTS)
