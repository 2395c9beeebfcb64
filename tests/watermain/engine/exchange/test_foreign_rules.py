"""Rules of other tools: the documented subset becomes checks, the rest is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb
import hypothesis.strategies as st
import pandas as pd
import pandera.pandas as pandera
import pytest
import yaml
from hypothesis import given

from watermain.declare import (
    Check,
    accepted_values,
    between,
    expression,
    matches,
    not_null,
    row_count,
    unique,
)
from watermain.declare.errors import UnreadableContractError
from watermain.engine.audit.audit import violation
from watermain.engine.exchange.foreign_rules import EXPECTATIONS, expectations
from watermain.engine.exchange.frame_schema import frame_checks


def suite(kind: str, **kwargs: Any) -> dict[str, Any]:
    """A suite with one expectation."""
    return {"name": "s", "expectations": [{"type": kind, "kwargs": kwargs}]}


TOLD: Mapping[str, tuple[dict[str, Any], Check]] = {
    "expect_column_to_exist": (
        {"column": "a"},
        expression("exists_a", '"a" is null or "a" is not null'),
    ),
    "expect_column_values_to_not_be_null": ({"column": "a"}, not_null("a")),
    "expect_column_values_to_be_null": (
        {"column": "a"},
        expression("always_null_a", '"a" is null'),
    ),
    "expect_column_values_to_be_in_set": (
        {"column": "a", "value_set": [1, 2]},
        accepted_values("a", (1, 2)),
    ),
    "expect_column_distinct_values_to_be_in_set": (
        {"column": "a", "value_set": ["x"]},
        accepted_values("a", ("x",)),
    ),
    "expect_column_values_to_not_be_in_set": (
        {"column": "a", "value_set": ["it's", 2]},
        expression("none_of_a", "\"a\" not in ('it''s', 2)"),
    ),
    "expect_column_values_to_be_between": (
        {"column": "a", "min_value": 0, "max_value": 9},
        between("a", low=0, high=9),
    ),
    "expect_column_values_to_match_regex": (
        {"column": "a", "regex": "^[a-z]+$"},
        matches("a", r"[a-z]+\n?"),
    ),
    "expect_column_values_to_be_unique": ({"column": "a"}, unique("a", nulls_repeat=False)),
    "expect_compound_columns_to_be_unique": (
        {"column_list": ["a", "b"]},
        unique("a", "b", blanks_repeat=False),
    ),
    "expect_column_value_lengths_to_be_between": (
        {"column": "a", "min_value": 2},
        expression("length_a", 'length("a") >= 2'),
    ),
    "expect_column_value_lengths_to_equal": (
        {"column": "a", "value": 2},
        expression("length_a", 'length("a") >= 2 and length("a") <= 2'),
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        {"column_A": "a", "column_B": "b", "or_equal": True},
        expression("a_above_b", '("a" >= "b") is true or ("a" is null and "b" is null)'),
    ),
    "expect_column_pair_values_to_be_equal": (
        {"column_A": "a", "column_B": "b"},
        expression("a_equals_b", '("a" = "b") is true or ("a" is null and "b" is null)'),
    ),
    "expect_table_row_count_to_be_between": ({"max_value": 9}, row_count(low=0, high=9)),
    "expect_table_row_count_to_equal": ({"value": 9}, row_count(low=9, high=9)),
}


def test_every_expectation_that_can_be_read_is_told_here() -> None:
    """The subset is this table."""
    assert set(TOLD) == set(EXPECTATIONS)


@pytest.mark.parametrize("kind", TOLD)
def test_expectation_becomes_a_check(kind: str) -> None:
    """In the words of 1.x, in those of 0.x."""
    kwargs, check = TOLD[kind]
    assert expectations(suite(kind, **kwargs)) == (check,)
    older = {"expectation_suite_name": "s", "expectations": [
        {"expectation_type": kind, "kwargs": {**kwargs, "result_format": "BASIC"}, "meta": {}}
    ]}  # fmt: skip
    assert expectations(json.loads(json.dumps(older))) == (check,)


def test_severity_is_kept() -> None:
    """What is not critical warns."""
    one = suite("expect_column_values_to_not_be_null", column="a")
    one["expectations"][0]["severity"] = "warning"
    assert expectations(one) == (not_null("a", severity="warn"),)


def test_strict_bound_becomes_a_condition() -> None:
    """`between` includes its bounds, so a strict one is SQL."""
    (check,) = expectations(
        suite("expect_column_values_to_be_between", column="a", min_value=0, strict_min=True)
    )
    assert check == expression("inside_a", '"a" > 0')


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (suite("expect_column_kl_divergence_to_be_less_than"), "has no word here"),
        (suite("expect_column_values_to_not_be_null", column="a", mostly=0.9), "some rows only"),
        (
            suite("expect_column_values_to_be_unique", column="a", row_condition="b > 1"),
            "some rows only",
        ),
        (suite("expect_column_values_to_be_unique"), "with `nothing`|with nothing"),
        (suite("expect_column_values_to_be_unique", column="a", odd=1), "with `column`, `odd`"),
        ({"expectations": ["x"]}, "`x` has no word here"),
        ({}, "it lists no `expectations`"),
        ([], "it lists no `expectations`"),
    ],
)
def test_other_expectation_is_refused_with_what_can_be_read(given: Any, says: str) -> None:
    """Nothing is imported in part."""
    with pytest.raises(UnreadableContractError, match=says) as refused:
        expectations(given, "suite.json")
    assert refused.value.what.startswith("suite.json: ")
    assert "`expect_column_values_to_not_be_null`" in refused.value.next
    assert len(str(refused.value).splitlines()) == 4


def test_rules_that_differ_under_one_name_are_refused() -> None:
    """Two bounds of one column are one rule, or none."""
    two = suite("expect_column_values_to_be_between", column="a", min_value=0)
    two["expectations"] += suite(
        "expect_column_values_to_be_between", column="a", max_value=9
    )["expectations"]  # fmt: skip
    with pytest.raises(UnreadableContractError, match="two rules `between_a` differ"):
        expectations(two)
    assert expectations({"expectations": two["expectations"][:1] * 2}) == (between("a", low=0),)


SCHEMA = pandera.DataFrameSchema(
    {
        "a": pandera.Column(
            int,
            [
                pandera.Check.ge(0),
                pandera.Check.le(9),
                pandera.Check.in_range(1, 10, include_max=False),
                pandera.Check.isin([1, 2]),
            ],
            unique=True,
        ),
        "b": pandera.Column(
            str,
            [pandera.Check.str_matches("[a-z]+"), pandera.Check.str_startswith("x{}")],
            nullable=True,
        ),
        "c": pandera.Column(str, pandera.Check.str_length(1, 3), nullable=True),
        "d": pandera.Column(float, pandera.Check.gt(0, raise_warning=True), nullable=True),
    },
    unique=["a", "b"],
)
CHECKS = {
    not_null("a"),
    unique("a"),
    between("a", low=1, high=9),
    expression("below_a", '"a" < 10'),
    accepted_values("a", (1, 2)),
    matches("b", "(?:[a-z]+)(?s:.*)"),
    expression("starts_b", "starts_with(\"b\", 'x{}')"),
    expression("length_c", 'length("c") >= 1 and length("c") <= 3'),
    expression("above_d", '"d" > 0', severity="warn"),
    unique("a", "b"),
}


def test_pandera_schema_becomes_checks() -> None:
    """The object."""
    assert set(frame_checks(SCHEMA)) == CHECKS


def test_pandera_yaml_becomes_the_same_checks() -> None:
    """What pandera writes; a warning's severity is not in it."""
    calm = SCHEMA.remove_columns(["d"])
    found = set(frame_checks(yaml.safe_load(calm.to_yaml())))
    assert found == {c for c in CHECKS if c.label != "above_d"}


def test_pandera_model_becomes_checks() -> None:
    """The class."""

    class Sale(pandera.DataFrameModel):
        """One sale."""

        fee: int = pandera.Field(ge=0)

    assert frame_checks(Sale) == (not_null("fee"), between("fee", low=0))


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (pandera.DataFrameSchema({"a": pandera.Column(int, pandera.Check(bool))}), "has no word"),
        (pandera.DataFrameSchema({"a": pandera.Column(int, regex=True)}), "many columns"),
        (pandera.DataFrameSchema({}, checks=[pandera.Check(bool)]), "no columns|whole frame"),
        ({"columns": {"a": {"in_range": {"min_value": 1}}}}, "column `a` is malformed"),
        ({"columns": {"a": None}}, "column `a` is malformed"),
        (object(), "it has no columns"),
    ],
)
def test_other_pandera_rule_is_refused(schema: Any, says: str) -> None:
    """Four lines, with what can be read."""
    with pytest.raises(UnreadableContractError, match=says) as refused:
        frame_checks(schema, "schema.yaml")
    assert "`str_matches`" in refused.value.next
    assert len(str(refused.value).splitlines()) == 4


VALUES = st.lists(st.integers(-5, 5) | st.none(), min_size=1, max_size=6)
RULES = {
    "ge": (pandera.Check.ge, st.integers(-5, 5)),
    "gt": (pandera.Check.gt, st.integers(-5, 5)),
    "le": (pandera.Check.le, st.integers(-5, 5)),
    "lt": (pandera.Check.lt, st.integers(-5, 5)),
    "eq": (pandera.Check.eq, st.integers(-5, 5)),
    "ne": (pandera.Check.ne, st.integers(-5, 5)),
    "isin": (pandera.Check.isin, st.lists(st.integers(-5, 5), min_size=1)),
    "notin": (pandera.Check.notin, st.lists(st.integers(-5, 5), min_size=1)),
}


@given(st.data(), st.sampled_from(sorted(RULES)), VALUES)
def test_imported_rule_judges_as_pandera_does(
    data: st.DataObject, name: str, values: list[int | None]
) -> None:
    """The same rows fail, null never does: pandera's own verdict beside the engine's."""
    make, words = RULES[name]
    schema = pandera.DataFrameSchema(
        {"a": pandera.Column("Int64", make(data.draw(words)), nullable=True)}
    )
    frame = pd.DataFrame({"a": pd.array(values, dtype="Int64")})
    try:
        schema.validate(frame)
        passes = True
    except pandera.errors.SchemaError:
        passes = False
    (check,) = frame_checks(schema)
    with duckdb.connect() as connection:
        connection.register("given", frame)
        sql = f'select count(*) filter ({violation(check)}) from (select a as "a" from given)'
        row = connection.execute(sql).fetchone()
    assert (row == (0,)) == passes
