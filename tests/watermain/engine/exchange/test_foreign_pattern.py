"""Patterns of Python judged by the engine as Python judges them."""

from __future__ import annotations

import re

import duckdb
import pytest

from watermain.engine.exchange.foreign_pattern import begun, contained, searched

PATTERNS = [
    "a",
    "^a",
    "a$",
    "^a$",
    "^(?:a|b)$",
    "^a|b$",
    "a|b",
    r"\d+",
    r"^\d+$",
    r"\w+",
    r"^\w+$",
    r"^[\w-]+$",
    r"\s",
    r"^\S+$",
    r"^\D+$",
    r"^\W$",
    r"[^\d]",
    r"[\s]",
    "^$",
    "",
    r"^a\$",
    r"a\\$",
    r"^(a)(b)?$",
    r"\Aa\Z",
    "[]a]",
    r"^[^]a]+$",
    "a.b",
    "^(?P<x>a)$",
    r"^\u00e9+$",
    "(a$|b)",
    "x{2,3}",
    "^a$|^b$",
    r"\.",
]
VALUES = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "a\n",
    "b\n",
    "\na",
    "a\nb",
    "1",
    "12",
    "١٢",
    "é",
    "éé",
    "e\u0301",
    "_",
    "-",
    "a-b",
    "a b",
    "a\u00a0b",
    " ",
    "\u2003",
    "\x1c",
    "]",
    "a]",
    "a$",
    "a\\",
    "xx",
    "xxx",
    ".",
    "²",
    "a\n\n",
    "日本",
    "a.b",
]


def verdicts(sql: str, pattern: str) -> dict[str, bool]:
    """What the engine says of each value."""
    with duckdb.connect() as connection:
        return {v: connection.execute(sql, [v, pattern]).fetchall()[0][0] for v in VALUES}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_is_found_where_python_finds_it(pattern: str) -> None:
    """By `search` as a whole, or in part; by `match` at the beginning."""
    found = {v: re.search(pattern, v) is not None for v in VALUES}
    assert verdicts("select regexp_full_match($1, $2)", searched(pattern)) == found
    assert verdicts("select regexp_matches($1, $2)", contained(pattern)) == found
    first = {v: re.match(pattern, v) is not None for v in VALUES}
    assert verdicts("select regexp_full_match($1, $2)", begun(pattern)) == first
    assert searched(re.compile(pattern)) == searched(pattern)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(?=a)b", r"looks around itself by `\(\?=`"),
        ("a(?!b)", r"by `\(\?!`"),
        ("(?<=a)b", r"by `\(\?<=`"),
        ("(?<!a)b", r"by `\(\?<!`"),
        (r"(a)\1", "refers back to a group"),
        ("(?P<x>a)(?P=x)", "refers back to a group"),
        ("(a)(?(1)b|c)", "refers back to a group"),
        ("(?i)a", "sets flags of its own"),
        ("(?x) a", "sets flags of its own"),
        ("(?>a)", "sets flags of its own"),
        ("a*+", "cannot be said in RE2"),
        (r"\bword\b", r"by `\\b` what RE2 knows of ASCII alone"),
        (r"[\W]", r"by `\\W`"),
        (re.compile("a", re.IGNORECASE), "was compiled with flags"),
        (7, "is no text"),
    ],
)
def test_pattern_that_cannot_be_said_is_refused_by_name(pattern: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        searched(pattern)
