"""A body may take all of its inputs in one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from watermain import testing
from watermain.declare import Column, Contract, Dataset, dataset
from watermain.declare.body.frame import Frame, asked
from watermain.declare.body.given import bundle
from watermain.declare.errors import InvalidDeclarationError

ALIASES = ("planes", "crews", "slots", "gates", "fuel", "weather", "fees")
CONTRACT = Contract(
    grain="one row per leg",
    key=("leg",),
    columns=(Column("leg", pa.int64(), "its number"), Column("n", pa.int64(), "of all the rest")),
)


@dataclass(frozen=True)
class LegInputs:
    """All that a leg is made of."""

    planes: ibis.Table
    crews: ibis.Table
    slots: ibis.Table
    gates: ibis.Table
    fuel: pl.DataFrame
    weather: pd.DataFrame
    fees: ibis.Table

    def rest(self) -> int:
        """The rows that are no planes."""
        return len(self.fuel) + len(self.weather)


class FewInputs(NamedTuple):
    """Two tables."""

    planes: ibis.Table
    crews: pa.Table


@dataclass
class OddInputs:
    """What is no table."""

    planes: set[int]


def made(body: Callable[..., Any], *aliases: str) -> Dataset:
    """A dataset with this body."""
    inputs = {alias: f"shop.raw.{alias}" for alias in aliases}
    declare = dataset("shop.curated.legs", inputs=inputs, contract=CONTRACT, owner="team:shop")
    return declare(body)


def legs(given: LegInputs) -> ibis.Table:
    """Count what belongs to a leg."""
    return given.planes.select("leg", n=ibis.literal(given.rest(), "int64"))


def few(given: FewInputs) -> ibis.Table:
    """Count the crews."""
    return given.planes.select("leg", n=ibis.literal(given.crews.num_rows, "int64"))


def test_body_takes_seven_inputs_in_one_value() -> None:
    """Each field is given the kind of table that it asks for."""
    rows: dict[str, Any] = {alias: pa.table({"leg": [1, 2]}) for alias in ALIASES}
    assert testing.run(made(legs, *ALIASES), **rows) == [
        {"leg": 1, "n": 4},
        {"leg": 2, "n": 4},
    ]
    assert asked(legs)["fuel"] is Frame.POLARS
    assert asked(legs)["weather"] is Frame.PANDAS
    assert asked(legs)["fees"] is Frame.IBIS
    assert bundle(legs) is LegInputs


def test_named_tuple_serves_as_well() -> None:
    """The body may be called with the value itself, as its test does."""
    declared = made(few, "planes", "crews")
    planes, crews = ibis.memtable(pa.table({"leg": [7]})), pa.table({"leg": [1, 2, 3]})
    assert declared(FewInputs(planes, crews)).execute().n.to_list() == [3]
    assert declared(planes=planes, crews=crews).execute().n.to_list() == [3]


def test_fields_that_are_no_inputs_are_refused() -> None:
    """The fields are listed, as parameters are."""
    with pytest.raises(InvalidDeclarationError) as refused:
        made(few, "planes", "slots")
    assert "the body takes `crews`, `planes`" in str(refused.value)
    assert refused.value.next == "name its parameters as the inputs: `planes`, `slots`"


def test_field_that_is_no_table_is_refused() -> None:
    """It is named with the kinds of table that there are."""

    def odd(given: OddInputs) -> ibis.Table: ...

    with pytest.raises(InvalidDeclarationError, match=r"asks for `planes` as set\[int\]"):
        made(odd, "planes")


def test_value_beside_another_parameter_is_none() -> None:
    """A body takes its inputs in one way or in the other."""

    def both(given: FewInputs, slots: ibis.Table) -> ibis.Table: ...

    assert bundle(both) is None
    with pytest.raises(InvalidDeclarationError, match="asks for `given` as FewInputs"):
        made(both, "given", "slots")
