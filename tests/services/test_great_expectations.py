"""Imported expectations, judged by Great Expectations itself: a tool in a folder of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.watermain.engine.exchange.test_foreign_verdict import ours
from watermain.engine.exchange.foreign_rules import EXPECTATIONS, expectations

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-great_expectations/bin/python"
JUDGE = ROOT / "tests/services/gx_verdicts.py"
KINDS = {"a": "Int64", "b": "Int64", "t": "string"}
ARROW = {"Int64": pa.int64(), "string": pa.string()}
N: list[dict[str, list[Any]]] = [
    {"a": [1, 2, 3]},
    {"a": [None, None]},
    {"a": [1, None]},
    {"a": [1, 1]},
    {"a": [None, 1, None]},
    {"a": [5]},
    {"a": [-1, 9]},
]
T: list[dict[str, list[Any]]] = [
    {"t": ["a"]},
    {"t": ["ab", None]},
    {"t": ["", "x"]},
    {"t": [None]},
    {"t": ["a\n"]},
    {"t": ["é"]},
    {"t": ["xa"]},
]
P: list[dict[str, list[Any]]] = [
    {"a": [1], "b": [1]},
    {"a": [2], "b": [1]},
    {"a": [1], "b": [2]},
    {"a": [None], "b": [1]},
    {"a": [1], "b": [None]},
    {"a": [None], "b": [None]},
    {"a": [2, None], "b": [1, None]},
    {"a": [1, 1], "b": [1, 1]},
    {"a": [1, 1], "b": [None, None]},
    {"a": [None, None], "b": [None, None]},
    {"a": [None, None], "b": [1, 2]},
]
A, S = {"column": "a"}, {"column": "t"}
PAIR = {"column_A": "a", "column_B": "b"}
PAIRS = ("both_values_are_missing", "either_value_is_missing", "neither")
KEYS = ("all_values_are_missing", "any_value_is_missing", "never")
WORDS: dict[str, list[tuple[dict[str, Any], list[dict[str, list[Any]]]]]] = {
    "expect_column_to_exist": [(A, N)],
    "expect_column_values_to_not_be_null": [(A, N), (A | {"mostly": 1.0}, N)],
    "expect_column_values_to_be_null": [(A, N)],
    "expect_column_values_to_be_in_set": [
        *((A | {"value_set": v}, N) for v in ([1, 2, 3], [1], [1, None])),
        (S | {"value_set": ["a", "ab"]}, T),
    ],
    "expect_column_distinct_values_to_be_in_set": [(A | {"value_set": [1, 2]}, N)],
    "expect_column_values_to_not_be_in_set": [
        (A | {"value_set": [1]}, N),
        (A | {"value_set": [1, None]}, N),
        (S | {"value_set": ["a"]}, T),
    ],
    "expect_column_values_to_be_between": [
        (A | {"min_value": 1}, N),
        (A | {"max_value": 5}, N),
        (A | {"min_value": 1, "max_value": 5}, N),
        (A | {"min_value": 1, "strict_min": True}, N),
        (A | {"max_value": 5, "strict_max": True}, N),
    ],
    "expect_column_values_to_match_regex": [
        (S | {"regex": r}, T) for r in ("a", "^a$", "^a", "a$", "^[a-z]+$", r"^\w+$", "a|x", "^$")
    ],
    "expect_column_values_to_be_unique": [(A, N)],
    "expect_compound_columns_to_be_unique": [
        ({"column_list": ["a", "b"]}, P),
        *(({"column_list": ["a", "b"], "ignore_row_if": w}, P) for w in KEYS),
    ],
    "expect_column_value_lengths_to_be_between": [
        (S | {"min_value": 1}, T),
        (S | {"max_value": 1}, T),
        (S | {"min_value": 1, "max_value": 2}, T),
        (S | {"min_value": 1, "strict_min": True}, T),
        (S | {"max_value": 2, "strict_max": True}, T),
    ],
    "expect_column_value_lengths_to_equal": [(S | {"value": 1}, T)],
    "expect_column_pair_values_a_to_be_greater_than_b": [
        (PAIR, P),
        (PAIR | {"or_equal": True}, P),
        *((PAIR | {"ignore_row_if": w}, P) for w in PAIRS),
    ],
    "expect_column_pair_values_to_be_equal": [
        (PAIR, P),
        *((PAIR | {"ignore_row_if": w}, P) for w in PAIRS),
    ],
    "expect_table_row_count_to_be_between": [
        ({"min_value": 2}, N),
        ({"max_value": 2}, N),
        ({"min_value": 2, "max_value": 2}, N),
        ({"min_value": 1, "strict_min": True}, N),
        ({"max_value": 2, "strict_max": True}, N),
    ],
    "expect_table_row_count_to_equal": [({"value": 2}, N)],
}


def case(kind: str, kwargs: dict[str, Any], rows: dict[str, list[Any]]) -> dict[str, Any]:
    """One expectation over one table."""
    return {"type": kind, "kwargs": kwargs, "rows": rows, "kinds": {n: KINDS[n] for n in rows}}


def theirs(cases: list[dict[str, Any]]) -> list[bool | str]:
    """What the tool says of each case."""
    done = subprocess.run(
        [PYTHON, JUDGE], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told: list[bool | str] = json.loads(done.stdout.splitlines()[-1])
    return told


def mine(one: dict[str, Any]) -> bool:
    """What our checks say of it."""
    rows = pa.table({n: pa.array(v, ARROW[KINDS[n]]) for n, v in one["rows"].items()})
    found = expectations({"expectations": [{"type": one["type"], "kwargs": one["kwargs"]}]})
    return ours(found, rows)


def test_every_expectation_that_is_read_has_cases() -> None:
    """What is not held against the tool is not read."""
    assert set(WORDS) == set(EXPECTATIONS)


def test_every_imported_expectation_judges_as_the_tool_does() -> None:
    """Words by tables of rows, nulls in each place."""
    cases = [case(k, w, r) for k, listed in WORDS.items() for w, tables in listed for r in tables]
    pairs = zip(cases, theirs(cases), strict=True)
    wrong = [(c["type"], c["kwargs"], c["rows"], t) for c, t in pairs if t is not mine(c)]
    assert wrong == []
    assert len(cases) > 300
