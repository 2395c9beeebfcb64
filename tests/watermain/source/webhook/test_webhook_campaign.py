"""A short cut of the campaign against the endpoint of webhooks."""

from __future__ import annotations

import pytest

from tests.watermain.source.webhook_campaign import campaign


@pytest.mark.slow
def test_webhook_loses_nothing_when_it_is_killed() -> None:
    """Every event answered with 202 is captured, once."""
    found = campaign(6, 20130101)
    assert found["problems"] == []
    assert found["count"] == 6
    assert found["figures"]["accepted"] == found["figures"]["rows"] > 20
