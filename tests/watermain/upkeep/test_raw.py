"""What the room says of the ledger is what the ledger has."""

from __future__ import annotations

import pyarrow as pa
import pytest

from watermain.declare import Dataset
from watermain.lake.lake import Lake
from watermain.upkeep import raw

# The room reads only words, so it says the columns anew; this holds them to the ledger's.
DECLARED = [d for d in vars(raw).values() if isinstance(d, Dataset)]


def test_every_declared_table_is_one_of_the_platform_s() -> None:
    """The room has something to say, of nothing but what the platform itself writes."""
    assert len(DECLARED) >= 7
    assert all(d.is_platforms for d in DECLARED)


@pytest.mark.parametrize("dataset", DECLARED, ids=lambda dataset: dataset.name.table)
def test_columns_are_those_of_the_ledger(dataset: Dataset, lake: Lake) -> None:
    """The same names in the same order, of the same types."""
    with lake.get_connection() as connection:
        found = connection.execute(
            f"select * from lake.{dataset.name.schema}.{dataset.name.table} limit 0"
        ).to_arrow_table()
    told = {c.name: c.type for c in dataset.contract.columns}
    assert dict(zip(found.schema.names, map(plain, found.schema.types), strict=True)) == told
    assert list(told) == found.schema.names


def plain(kind: pa.DataType) -> pa.DataType:
    """An instant in UTC, whatever the session calls its zone."""
    return pa.timestamp("us", "UTC") if pa.types.is_timestamp(kind) else kind
