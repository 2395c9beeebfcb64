"""Secrets rotated under load: a short cut of the campaign."""

from __future__ import annotations

import pytest

from tests.faults.rotations import campaign

ROTATIONS = 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["postgres", "mqtt", "rest", pytest.param("kafka", marks=pytest.mark.services)]
)
def test_rotated_secret_is_told_once_then_taken(kind: str) -> None:
    """One alert for each rotation, one recovery; nothing lost, nothing doubled, nothing leaked."""
    found = campaign(ROTATIONS, 2013, (kind,))
    assert found["problems"] == []
    assert found["left_out"] == ""
    assert found["count"] == ROTATIONS
    assert found["figures"][kind]["alerts"] == ROTATIONS
    assert found["figures"][kind]["rows"] > 0
