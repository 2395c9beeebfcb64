"""Patterns that the engine cannot read are refused where they are declared."""

from __future__ import annotations

import duckdb
import pytest

from watermain.declare import matches
from watermain.declare.column.pattern import pattern_fault
from watermain.declare.errors import InvalidDeclarationError

LACKING = [
    "(?=a)b",
    "(?!a)b",
    "(?<=a)b",
    "(?<!a)b",
    r"(a)\1",
    "(?P<x>a)(?P=x)",
    "(?>a)b",
    "a*+",
    "[a",
    "(a",
    "*a",
    "a{2000}",
    "(?(1)a|b)",
    r"\Z",
    r"\p{Nonsense}",
]


@pytest.mark.parametrize("pattern", LACKING)
def test_pattern_that_the_engine_refuses_is_refused_where_declared(pattern: str) -> None:
    """Four lines instead of the engine's words in the middle of a publish."""
    with (
        duckdb.connect() as connection,
        pytest.raises((duckdb.InvalidInputException, duckdb.BinderException)),
    ):
        connection.execute("select regexp_full_match('a', ?)", [pattern])
    with pytest.raises(InvalidDeclarationError, match="the engine cannot read") as refused:
        matches("code", pattern)
    assert "no look-around" in refused.value.next
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    "pattern",
    ["", "[A-Z]{2}", "(?s:.*)a", r"\d+\.\d", r"\p{L}+", "(?i)ab", "(?P<x>a)", "ä+", r"\z"],
)
def test_pattern_that_the_engine_takes_is_taken(pattern: str) -> None:
    """Both ask the same library."""
    assert pattern_fault(pattern) is None
    with duckdb.connect() as connection:
        connection.execute("select regexp_full_match('a', ?)", [pattern])
    assert matches("code", pattern).pattern == pattern
