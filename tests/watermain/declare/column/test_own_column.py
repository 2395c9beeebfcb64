"""Names of the platform's own columns are refused where a contract takes them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Files, Kafka, Platform, dataset, raw
from watermain.declare.column.own_column import own_columns
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.table.table import BATCH_COLUMN


def contract(name: str) -> Contract:
    """A contract with one odd column beside its key."""
    columns = (Column("id", pa.string(), "the thing"), Column(name, pa.string(), "odd"))
    return Contract(grain="one row per thing", key=("id",), columns=columns)


def captured(name: str, source: Any = None) -> None:
    """Declare a captured dataset with that column."""
    raw(
        "shop.raw.things",
        source=source or Files(connection="shop", pattern="*.csv", format="csv"),
        contract=contract(name),
        owner="team:shop",
    )


def test_names_are_those_that_captured_tables_have() -> None:
    """What is refused is what is written beside the contract's columns."""
    files = Files(connection="shop", pattern="*.csv", format="csv")
    assert own_columns(files) == {"_file", "_file_hash", "_row", "_delivered_at", "_batch_id"}
    assert own_columns(Kafka(connection="bus", topic="t")) == {*Kafka.own.names, BATCH_COLUMN.name}
    assert own_columns(None) == own_columns(Platform(table="a.b")) == frozenset()


@pytest.mark.parametrize("name", ["_row", "_file", "_batch_id", "_ROW", "_delivered_at"])
def test_captured_column_with_a_name_of_ours_is_refused(name: str) -> None:
    """Before anything is read, in any case of letters."""
    with pytest.raises(InvalidDeclarationError, match=f"`{name.lower()}` is a column that the"):
        captured(name)


def test_name_is_free_where_the_platform_does_not_write_it() -> None:
    """Another kind's names, or those of captured rows in a computed dataset."""
    captured("_offset")
    captured("_file", Kafka(connection="bus", topic="things"))
    declare = dataset(
        "shop.curated.things", contract=contract("_row"), owner="team:shop", inputs={}
    )
    assert declare(lambda: None).contract.column("_row").name == "_row"


def test_names_that_the_platform_computes_with_are_refused_everywhere() -> None:
    """They would be confused with its own in a difference."""
    declare = dataset(
        "shop.curated.things", contract=contract("_watermain_old"), owner="team:shop", inputs={}
    )
    with pytest.raises(InvalidDeclarationError, match="`_watermain_old` is a column"):
        declare(lambda: None)
