"""An allowance lets through what its rate says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.serve.feature_server.rate import Allowance


@pytest.mark.parametrize(
    ("rate", "asked_at", "waits"),
    [
        (2, [0, 0, 0, 0.25, 0.5], [0, 0, 1, 1, 0]),
        (1, [0, 0.5, 1, 1], [0, 1, 0, 1]),
        (0.1, [0, 0, 5, 10], [0, 10, 5, 0]),
        (3, [0, 0, 0, 100, 100, 100, 100], [0, 0, 0, 0, 0, 0, 1]),
    ],
)
def test_allowance_tells_how_long_to_wait(
    rate: float, asked_at: list[float], waits: list[int]
) -> None:
    """A second's worth may come at once; then one after the other."""
    allowance = Allowance(rate, 0)
    assert [allowance.wait_seconds(now) for now in asked_at] == waits


@given(rate=st.floats(0.5, 1000), gaps=st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_allowance_never_lets_through_more(rate: float, gaps: list[float]) -> None:
    """In any time no more pass than the rate gives, a second's worth more."""
    allowance, now, passed = Allowance(rate, 0), 0.0, 0
    for gap in gaps:
        now += gap
        passed += allowance.wait_seconds(now) == 0
    assert passed <= now * rate + max(1, rate) + 1e-6


@given(rate=st.floats(0.01, 100), asked=st.integers(1, 300))
def test_waiting_as_told_is_enough(rate: float, asked: int) -> None:
    """Who waits for the time that was told is let through."""
    allowance, now = Allowance(rate, 0), 0.0
    for _ in range(asked):
        wait = allowance.wait_seconds(now)
        if wait:
            now += wait
            assert allowance.wait_seconds(now) == 0
