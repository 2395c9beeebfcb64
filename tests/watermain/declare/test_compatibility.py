"""Changes of contracts: which break a reader, which version they need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from watermain.declare import Column, Contract, Migration, Sensitivity
from watermain.declare.column.widening import widens
from watermain.declare.compatibility import (
    breaking,
    changes,
    is_draft,
    refusals,
    version_of,
)
from watermain.declare.errors import InvalidDeclarationError
from watermain.testing.strategies.declared import COLUMNS, TYPES, contracts, with_column

FEW = settings(max_examples=25)  # a contract is costly to make up
ID = Column("id", pa.string(), "the thing")
AT = Column("at", pa.timestamp("us", "UTC"), "when")
FEE = Column("fee", pa.int32(), "what it costs", unit="USD", nullable=False)
OLD = Contract(grain="one row per thing", key=("id",), event_time="at", columns=(ID, AT, FEE))


def fee(**words: Any) -> Contract:
    """The contract with another fee."""
    return with_column(OLD, "fee", replace(FEE, **words))


BREAKING: dict[str, tuple[Contract, str | None, str]] = {
    "dropped": (with_column(OLD, "fee", None), "fee", "it was dropped"),
    "narrowed": (fee(type=pa.int16()), "fee", "its type is narrower or of another kind"),
    "of another kind": (fee(type=pa.float64()), "fee", "its type is narrower"),
    "renamed": (fee(name="fees"), "fee", "was it renamed to `fees`?"),
    "renamed beyond likeness": (fee(name="cost"), "fee", "was it renamed to `cost`?"),
    "nullable": (fee(nullable=True), "fee", "it may be null"),
    "another unit": (fee(unit="cents"), "fee", "its numbers have another unit"),
    "no unit": (fee(unit=None), "fee", "its numbers have another unit"),
    "guarded": (fee(sensitivity=Sensitivity.PERSONAL), "fee", "fewer may see it"),
    "another key": (replace(OLD, key=("id", "at")), None, "the key is another"),
    "another grain": (replace(OLD, grain="one row per day"), None, "a row stands for something"),
    "another time": (replace(OLD, event_time=None), None, "rows belong to other times"),
}
COMPATIBLE: dict[str, tuple[Contract, str]] = {
    "widened": (fee(type=pa.int64()), "its type takes in more"),
    "added": (replace(OLD, columns=(*OLD.columns, replace(FEE, name="tax"))), "it was added"),
    "opened": (
        with_column(
            with_column(OLD, "at", replace(AT, sensitivity=Sensitivity.PUBLIC)), "fee", FEE
        ),
        "more may see it",
    ),
    "with a unit": (with_column(OLD, "at", replace(AT, unit="UTC")), "its unit is told"),
    "never null": (with_column(OLD, "at", replace(AT, nullable=False)), "it is never null"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_breaking_names_column_with_reason(name: str) -> None:
    """Drop, narrowing, rename, nullability, unit, sensitivity, key, grain, event time."""
    new, column, why = BREAKING[name]
    (found,) = breaking(OLD, new)
    assert found.column == column
    assert why in found.why
    assert found.old != found.new
    assert str(found).startswith(f"`{column}`: " if column else "the table: ")


@pytest.mark.parametrize("name", COMPATIBLE)
def test_additions_break_nobody(name: str) -> None:
    """They are told, need a minor version, no more."""
    new, why = COMPATIBLE[name]
    (found,) = changes(OLD, new)
    assert (found.why, found.breaking) == (why, False)
    assert breaking(OLD, new) == ()
    assert refusals(OLD, new) == ("an addition needs version 1.1.0, not 1.0.0",)
    assert refusals(OLD, replace(new, version="1.1.0")) == ()


def test_key_column_is_never_null_whatever_it_says() -> None:
    """The key implies it, so saying it is no change."""
    assert changes(OLD, with_column(OLD, "id", replace(ID, nullable=False))) == ()


def test_words_order_are_no_change() -> None:
    """Descriptions may be mended, columns sorted, the grain's case may change."""
    new = replace(
        OLD,
        grain="One row  per thing.",
        columns=(replace(FEE, description="the price"), AT, ID),
    )
    assert changes(OLD, new) == ()
    assert refusals(OLD, new) == ()


NEW, MOVE = BREAKING["dropped"][0], Migration("2.0.0", "charge by `tariff` instead")


@pytest.mark.parametrize(
    ("version", "migrations", "lacks"),
    [
        ("1.0.0", (), "a breaking change needs version 2.0.0, not 1.0.0"),
        ("1.9.0", (MOVE,), "a breaking change needs version 2.0.0, not 1.9.0"),
        ("2.0.0", (), 'version 2.0.0 has no `Migration("2.0.0", ...)`'),
        ("2.0.0", (Migration("1.0.0", "wait"),), 'version 2.0.0 has no `Migration("2.0.0", ...)`'),
        ("0.9.0", (MOVE,), "version 0.9.0 is older than the released 1.0.0"),
        ("2.0.0", (MOVE,), None),
        ("3.0.0", (MOVE,), None),
    ],
)
def test_break_needs_a_major_version_with_a_migration(
    version: str, migrations: tuple[Migration, ...], lacks: str | None
) -> None:
    """Neither alone is enough."""
    found = refusals(OLD, replace(NEW, version=version, migrations=migrations))
    assert found == ((lacks,) if lacks else ())


@pytest.mark.parametrize("words", [("2", "go"), ("2.0.0", "  "), ("2.0", "go"), ("02.0.0", "go")])
def test_migration_tells_readers_something(words: tuple[str, str]) -> None:
    """A version, a sentence."""
    with pytest.raises(InvalidDeclarationError, match="tells readers nothing"):
        Migration(*words)


def test_version_below_one_is_a_draft() -> None:
    """What is not released yet may change."""
    assert is_draft(replace(OLD, version="0.9.9"))
    assert not is_draft(OLD)


@FEW
@given(contracts())
def test_contract_does_not_differ_from_itself(contract: Contract) -> None:
    """Reflexive: no change, nothing lacking."""
    assert changes(contract, contract) == ()
    assert refusals(contract, contract) == ()


@FEW
@given(contracts(), contracts())
def test_two_contracts_differ_both_ways(one: Contract, other: Contract) -> None:
    """Where one direction sees a change, the other does."""
    assert bool(changes(one, other)) == bool(changes(other, one))


@FEW
@given(contracts(), COLUMNS)
def test_added_column_is_compatible_its_loss_is_not(contract: Contract, column: Column) -> None:
    """Adding goes one way only."""
    if column.name.lower() in {c.name.lower() for c in contract.columns}:
        return
    larger = replace(contract, columns=(*contract.columns, column))
    assert [c.breaking for c in changes(contract, larger)] == [False]
    assert [c.column for c in breaking(larger, contract)] == [column.name]


@FEW
@given(contracts(), TYPES)
def test_type_change_breaks_unless_it_widens(contract: Contract, kind: pa.DataType) -> None:
    """The contract follows the table of types."""
    column = next((c for c in contract.columns if c.name != contract.event_time), None)
    if column is None:
        return
    new = with_column(contract, column.name, replace(column, type=kind))
    assert bool(breaking(contract, new)) == (not widens(column.type, kind))


@FEW
@given(contracts(), contracts(), contracts())
def test_compatible_steps_compose(a: Contract, b: Contract, c: Contract) -> None:
    """Readers who survive each step survive both."""
    steps = [breaking(a, b), breaking(b, c)]
    assert any(steps) or not breaking(a, c)


@FEW
@given(st.data(), contracts())
def test_small_compatible_steps_compose(data: st.DataObject, contract: Contract) -> None:
    """The same where each step changes one column, as people do."""
    column = data.draw(st.sampled_from(contract.columns))
    steps = [contract]
    for _ in range(2):
        was = steps[-1].column(column.name)
        is_now = data.draw(
            st.builds(
                replace,
                st.just(was),
                nullable=st.booleans(),
                unit=st.sampled_from([was.unit, "USD", None]),
                sensitivity=st.sampled_from(Sensitivity),
            )
        )
        steps.append(with_column(steps[-1], column.name, is_now))
    first, second, third = steps
    if not breaking(first, second) and not breaking(second, third):
        assert breaking(first, third) == ()


@FEW
@given(contracts(), contracts())
def test_next_major_version_with_a_migration_is_never_refused(old: Contract, new: Contract) -> None:
    """There is always a way forward."""
    major = version_of(old)[0] + 1
    moved = replace(
        new, version=f"{major}.0.0", migrations=(Migration(f"{major}.0.0", "read it anew"),)
    )
    assert refusals(old, moved) == ()


@FEW
@given(contracts(), contracts())
def test_break_is_refused_within_a_major_version(old: Contract, new: Contract) -> None:
    """However the minor version grows."""
    if breaking(old, new):
        major = version_of(old)[0]
        assert refusals(old, replace(new, version=f"{major}.999.0"))
