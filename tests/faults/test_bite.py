"""Planted mistakes are found by the same oracle that finds nothing otherwise."""

from __future__ import annotations

import pytest

from tests.faults import bite, defects
from tests.faults.outcome import Bench

pytestmark = pytest.mark.campaign

LEAST = 12


def test_every_defect_is_planted_somewhere() -> None:
    """No defect is written down without being looked for."""
    assert set(bite.PLANTS) == set(defects.PLANTS)
    assert len(bite.PLANTS) >= LEAST


@pytest.mark.slow
@pytest.mark.parametrize("name", bite.PLANTS)
def test_harness_finds_the_defect(bench: Bench, name: str) -> None:
    """One fault where it hurts is enough."""
    wrong, says = bite.found(bench, name)
    assert [each for each in wrong if says in each] != [], wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["half_transaction", "no_transaction", "cleanup_on_unknown", *bite.COMMANDED]
)
def test_harness_finds_nothing_without_the_defect(bench: Bench, name: str) -> None:
    """The same fault is judged well."""
    assert bite.found(bench, name, planted=False)[0] == []
