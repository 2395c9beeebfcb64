"""Needs of readers: met by what a producer promises, or told to be not."""

from __future__ import annotations

from typing import Any

import duckdb
import hypothesis.strategies as st
import ibis
import pyarrow as pa
import pytest
from hypothesis import given

from watermain.declare import (
    Check,
    Column,
    Contract,
    Dataset,
    DatasetName,
    accepted_values,
    between,
    dataset,
    expression,
    matches,
    needs,
    not_null,
    refers_to,
    row_count,
    unique,
)
from watermain.declare.check import Query
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.need import implies, unmet
from watermain.engine.audit.audit import violation

CONTRACT = Contract(
    grain="one row per movement",
    key=("id",),
    columns=(
        Column("id", pa.string(), "the movement"),
        Column("fee", pa.int32(), "what it costs", nullable=False),
        Column("state", pa.string(), "how far it is"),
    ),
)


def producer(*checks: Check) -> Dataset:
    """A dataset that promises these checks."""

    @dataset(
        "shop.curated.movements",
        contract=CONTRACT,
        checks=checks,
        owner="team:shop",
    )
    def movements() -> pa.Table:
        return CONTRACT.schema.empty_table()

    return movements


def lacking(*guarantees: Check, columns: Any = None, promised: tuple[Check, ...] = ()) -> list[str]:
    """What the producer does not promise."""
    named = columns or tuple(c.name for c in CONTRACT.columns)
    wanted = needs("shop.curated.movements", columns=named, guarantees=guarantees)
    return list(unmet(wanted, producer(*promised)))


def test_reader_declares_what_it_relies_on() -> None:
    """Needs stand where a name stands; the input is the same."""

    @dataset(
        "shop.curated.fees",
        inputs={"movements": needs("shop.curated.movements", columns=("id", "fee"))},
        contract=CONTRACT,
        owner="team:shop",
    )
    def fees(movements: ibis.Table) -> ibis.Table:
        return movements

    assert fees.inputs == {"movements": DatasetName.parse("shop.curated.movements")}
    assert fees.needs["movements"].columns == {"id": None, "fee": None}


def test_met_needs_are_silent() -> None:
    """Columns there, types that fit, guarantees that a contract or a check implies."""
    kinds = {"id": pa.string(), "fee": pa.int64(), "state": pa.large_string()}
    guarantees = (not_null("id"), not_null("fee"), unique("id"), unique("id", "fee"))
    assert lacking(*guarantees, columns=kinds) == []


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (("id", "tax"), "there is no column `tax`; there are `fee`, `id`, `state`"),
        ({"fee": pa.int16()}, "column `fee` is int32, which int16 cannot hold"),
        ({"state": pa.int32()}, "column `state` is string, which int32 cannot hold"),
    ],
)
def test_unmet_columns_are_told(columns: Any, says: str) -> None:
    """A column that is not there, a type that the reader cannot take."""
    assert lacking(columns=columns) == [says]


STATES = accepted_values("state", ("gone", "here"))
MET: tuple[tuple[Check, Check], ...] = (
    (STATES, accepted_values("state", ("gone", "here", "lost"))),
    (accepted_values("fee", (1, 5)), between("fee", low=1, high=5)),
    (accepted_values("fee", ()), between("fee", low=1)),
    (between("fee", low=0, high=9), between("fee", low=-1, high=9)),
    (between("fee", low=0, high=9), between("fee", high=10)),
    (matches("state", "[a-z]+"), matches("state", "[a-z]+")),
    (row_count(low=5), row_count(low=3)),
    (refers_to("id", "shop.curated.things"), refers_to("id", "shop.curated.things")),
    (expression("positive", "fee > 0"), expression("above_zero", "fee > 0")),
    (unique("id"), unique("id", nulls_repeat=False)),
    (unique("id", nulls_repeat=False), unique("id", "fee", nulls_repeat=False)),
    (unique("id", blanks_repeat=False), unique("id", blanks_repeat=False)),
    (unique("id", "fee", blanks_repeat=False), unique("fee", "id", nulls_repeat=False)),
)
UNMET: tuple[tuple[Check, Check], ...] = (
    (STATES, accepted_values("state", ("gone",))),
    (accepted_values("fee", (1, 6)), between("fee", low=1, high=5)),
    (accepted_values("fee", (1, "x")), between("fee", low=1)),
    (between("fee", low=0), between("fee", low=1)),
    (between("fee", low=0), between("fee", high=1)),
    (between("fee", low=0), between("fee", low="a")),
    (between("fee", low=0), accepted_values("fee", (1, 2))),
    (matches("state", "[a-z]+"), matches("state", "[a-z]*")),
    (row_count(low=2), row_count(low=3)),
    (refers_to("id", "shop.curated.things"), refers_to("id", "shop.curated.others")),
    (expression("positive", "fee > 0"), expression("positive", "fee >  0")),
    (not_null("id"), not_null("state")),
    (unique("id", "fee"), unique("fee")),
    (unique("id", nulls_repeat=False), unique("id")),
    (unique("id", nulls_repeat=False), unique("id", blanks_repeat=False)),
    (unique("id", blanks_repeat=False), unique("id")),
    (unique("id", blanks_repeat=False), unique("id", "fee", blanks_repeat=False)),
)


@pytest.mark.parametrize(("promised", "wanted"), MET, ids=str)
def test_stronger_check_meets_a_need(promised: Check, wanted: Check) -> None:
    """Narrower sets, narrower bounds, the same words."""
    assert implies(promised, wanted)
    assert lacking(wanted, promised=(promised,)) == []


@pytest.mark.parametrize(("promised", "wanted"), UNMET, ids=str)
def test_weaker_check_does_not(promised: Check, wanted: Check) -> None:
    """What cannot be proved is told."""
    assert not implies(promised, wanted)


def test_warning_is_no_promise() -> None:
    """Only what holds data back can be relied on."""
    warned = between("fee", low=0, severity="warn")
    assert lacking(between("fee", low=0), promised=(warned,)) == [
        "no blocking check promises between_fee"
    ]


@pytest.mark.parametrize(
    ("guarantees", "says"),
    [
        ((not_null("tax"),), "relies on `tax` in vain"),
        ((not_null("id"), not_null("id")), "relies on `not_null_id` in vain"),
        ((row_count(high=5),), "relies on `row_count` in vain"),
        ((Query(name="odd", sql="select 1"),), "relies on `odd` in vain"),
    ],
)
def test_needs_that_mean_nothing_are_refused(guarantees: tuple[Check, ...], says: str) -> None:
    """Four lines, with what to do."""
    with pytest.raises(InvalidDeclarationError, match=says) as refused:
        needs("shop.curated.movements", columns=("id",), guarantees=guarantees)
    assert len(str(refused.value).splitlines()) == 4


FEES = st.integers(-3, 3)
BOUNDS = st.tuples(FEES, FEES).map(sorted)
RULES = st.one_of(
    BOUNDS.map(lambda b: between("fee", low=b[0], high=b[1])),
    FEES.map(lambda low: between("fee", low=low)),
    FEES.map(lambda high: between("fee", high=high)),
    st.lists(FEES, max_size=4).map(lambda values: accepted_values("fee", values)),
    st.just(not_null("fee")),
    st.sampled_from(["fee > 0", "fee < 2"]).map(lambda sql: expression("e", sql)),
)


@pytest.fixture(scope="module")
def rows() -> duckdb.DuckDBPyConnection:
    """Every fee there can be."""
    connection = duckdb.connect()
    connection.execute("create table rows as select unnest([-3, -2, -1, 0, 1, 2, 3, null]) as fee")
    return connection


@given(RULES, RULES)
def test_implied_rule_is_kept_by_every_row(
    rows: duckdb.DuckDBPyConnection, promised: Check, wanted: Check
) -> None:
    """No row that keeps the promise breaks what it implies: asked of the engine itself."""
    if implies(promised, wanted):
        sql = (
            f"select count(*) from rows where not coalesce({violation(promised)}, false)"
            f" and {violation(wanted)}"
        )
        assert rows.execute(sql).fetchone() == (0,)


@given(RULES)
def test_rule_implies_itself(rule: Check) -> None:
    """Whatever it says."""
    assert implies(rule, rule)


@given(RULES, RULES, RULES)
def test_implication_composes(a: Check, b: Check, c: Check) -> None:
    """A chain of promises is a promise."""
    assert not (implies(a, b) and implies(b, c)) or implies(a, c)


@given(st.sets(st.sampled_from("abcd"), min_size=1), st.sets(st.sampled_from("abcd"), min_size=1))
def test_unique_columns_are_unique_with_more(few: set[str], many: set[str]) -> None:
    """A key within the columns proves them."""
    assert implies(unique(*few), unique(*many)) == (few <= many)
