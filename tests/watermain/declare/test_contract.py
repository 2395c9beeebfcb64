"""Contracts: true promises can be made, contradictions cannot."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Sensitivity
from watermain.declare.errors import ContradictoryContractError

ID = Column("id", pa.string(), "the thing")
AT = Column("at", pa.timestamp("us", "UTC"), "when")
FEE = Column("fee", pa.decimal128(12, 2), "what it costs", unit="USD")


def contract(**words: Any) -> Contract:
    """A good contract, changed by the words given."""
    good: dict[str, Any] = {
        "grain": "one row per thing",
        "key": ("id",),
        "event_time": "at",
        "columns": (ID, AT, FEE),
    }
    return Contract(**{**good, **words})


def test_contract_gives_the_arrow_schema_in_the_order_declared() -> None:
    """Columns keep their order."""
    assert contract().schema == pa.schema(
        [("id", pa.string()), ("at", pa.timestamp("us", "UTC")), ("fee", pa.decimal128(12, 2))]
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"key": ("nope",)}, "key column `nope` is not a column"),
        ({"key": "id"}, "the key must be a tuple"),
        ({"key": ("id", "id")}, "the key names a column twice"),
        ({"event_time": "when"}, "event time `when` is not a column"),
        ({"event_time": "fee"}, r"event time `fee` is decimal128\(12, 2\)"),
        ({"columns": (ID, ID, AT)}, "column `id` is declared twice"),
        ({"grain": "  "}, "the grain is empty"),
        ({"version": "1"}, "version '1' is not `major.minor.patch`"),
    ],
)
def test_contract_refuses_to_contradict_itself(words: dict[str, Any], says: str) -> None:
    """Each contradiction is named, in four lines, with the right answers."""
    with pytest.raises(ContradictoryContractError, match=says) as refused:
        contract(**words)
    lines = str(refused.value).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["declared", "data", "next"]
    assert "`id`" in lines[3]


def test_contract_hash_changes_with_any_promise() -> None:
    """Unit, sensitivity, nullability, version: all are promises."""
    versions = [
        contract(),
        contract(version="1.1.0"),
        contract(grain="one row per other thing"),
        contract(columns=(ID, AT, Column("fee", pa.decimal128(12, 2), "what it costs"))),
        contract(columns=(ID, AT, Column("fee", pa.decimal128(12, 3), "what it costs"))),
        contract(
            columns=(
                Column("id", pa.string(), "the thing", sensitivity=Sensitivity.PERSONAL),
                AT,
                FEE,
            )
        ),
    ]
    assert len({c.hash for c in versions}) == len(versions)
    assert contract().hash == contract().hash


def test_contract_is_immutable() -> None:
    """A promise does not change after it was made."""
    with pytest.raises(AttributeError):
        contract().grain = "other"  # type: ignore[misc]
