"""Each indicator of the table names what computes it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from watermain.engine.promise.indicator.indicator import INDICATORS

PACKAGE = "watermain.engine.promise.indicator"
PAGE = Path(__file__).parents[5] / "docs/guides/indicators.md"


def test_indicators_name_a_function_that_computes_them():
    """Every function there is stands for one indicator, and is there."""
    for each in INDICATORS:
        module, _, name = each.computed.partition(".")
        assert callable(getattr(import_module(f"{PACKAGE}.{module}"), name))
    assert len({each.computed for each in INDICATORS}) == len(INDICATORS)


def test_indicators_say_what_they_are():
    """Nothing is left empty, and no name comes twice."""
    assert len({each.name for each in INDICATORS}) == len(INDICATORS)
    for each in INDICATORS:
        assert all((each.definition, each.unit, each.source, each.window, each.kind))


def test_indicators_are_those_of_the_guide():
    """Each of the fifteen is measured."""
    numbers = {each.number for each in INDICATORS}
    assert numbers == {f"M{n}" for n in range(1, 16)}


def test_gauges_are_no_budgets():
    """What never wakes anybody is what has no events that may be bad."""
    gauges = {each.name for each in INDICATORS if each.kind == "gauge"}
    assert gauges == {"cost_per_gb", "breaches", "repair_time", "lineage_coverage", "votes"}


def test_indicators_are_those_of_the_guide_page():
    """The page has a row for each, in its words, and for nothing else."""
    rows = [
        f"| {i.number} | `{i.name}` | {i.definition} | {i.unit} | {i.source} | {i.window}"
        f" | {i.kind} |"
        for i in INDICATORS
    ]
    assert [line for line in PAGE.read_text().splitlines() if line.startswith("| M")] == rows
