"""The engine's word for each type of a column."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from watermain.engine.table.table import PLAIN_TYPES, engine_types


@pytest.mark.parametrize("kind", PLAIN_TYPES, ids=str)
def test_plain_types_are_what_the_engine_makes_of_them(kind: pa.DataType) -> None:
    """Known beforehand, or asked for beside a column whose type is not known."""
    schema = pa.schema([("a", kind)])
    beside = pa.schema([("a", kind), ("b", pa.list_(kind)), ("c", pa.decimal128(5, 2))])
    with duckdb.connect() as connection:
        word = PLAIN_TYPES[kind]
        assert engine_types(connection, schema) == {"a": word}
        asked = engine_types(connection, beside)
    assert asked == {"a": word, "b": f"{word}[]", "c": "DECIMAL(5,2)"}
