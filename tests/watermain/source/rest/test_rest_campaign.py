"""A short cut of the campaign against the REST source."""

from __future__ import annotations

import pytest

from tests.watermain.source.rest_campaign import FAULTS, campaign

SEED = 20130101


@pytest.mark.slow
def test_rest_survives_forty_schedules_of_faults() -> None:
    """Every kind of fault struck; nothing was lost, doubled, asked too fast."""
    found = campaign(40, SEED)
    assert found["problems"] == []
    assert found["count"] == 40
    assert found["figures"]["rows"] > 300
    assert found["figures"].keys() >= set(FAULTS)
    assert found["figures"]["busiest second, share of the quota"] <= 1.05
