"""Alerts whose teller is killed are told, each under one id."""

from __future__ import annotations

import pytest

from tests.faults import alerts, pager
from tests.faults.outcome import Bench


@pytest.mark.slow
def test_killed_teller_loses_nothing_and_doubles_nothing(bench: Bench) -> None:
    """A short form of the campaign."""
    outcome = alerts.campaign(bench, 10, 2013)
    assert outcome.problems == []
    assert outcome.count >= 10


def test_day_has_everything_that_can_be_told() -> None:
    """Otherwise the campaign would prove little."""
    kinds = {each.split("/")[1] for seed in range(20) for each in pager.expected(seed)}
    assert kinds == {"fired", "raised", "escalated", "reminder", "fixed"}
