"""A struct's text in the catalog is read as it was written, or not at all."""

from __future__ import annotations

import duckdb
import pytest

from watermain.lake.rest.inlined_struct import _OddTextError, _StructReader

KIND = "STRUCT(a BIGINT, b VARCHAR, d DATE, l VARCHAR[], s STRUCT(z VARCHAR, f DOUBLE))"
# As DuckLake writes it: SQL within structs, the text of a cast within lists.
TOLD = (
    "{'a': -5, 'b': 'it''s \\ , }', 'd': CAST('2013-01-01' AS VARCHAR),"
    " 'l': [x, 'it\\'s }', NULL, 'NULL'], 's': {'z': 'q''\\', 'f': 0.30000000000000004}}"
)
ODD = {
    "a call": "{read_text('/etc/hostname')}",
    "another field": "{'x': 1}",
    "words behind": "{'a': 1}, (select 1)",
    "a value that is none": "{'a': one}",
    "a value that changes": "{'a': 1.5}",
    "an open string": "{'a': 'x",
    "an open list": "{'a': [1, 2",
    "nothing": "",
}


@pytest.fixture
def engine() -> duckdb.DuckDBPyConnection:
    """An engine without a lake."""
    return duckdb.connect(config={"enable_external_access": False})


def test_struct_is_read_field_by_field(engine: duckdb.DuckDBPyConnection) -> None:
    """Quotes, backslashes, brackets, dates, the last digit of a number, nulls."""
    found = engine.execute(
        f"select {_StructReader(engine, TOLD).whole(duckdb.sqltype(KIND))}"
    ).fetchone()
    assert found is not None
    told = found[0]
    assert told.pop("d").isoformat() == "2013-01-01"
    assert told == {
        "a": -5,
        "b": "it's \\ , }",
        "l": ["x", "it's }", None, "NULL"],
        "s": {"z": "q'\\", "f": 0.30000000000000004},
    }


def test_null_is_no_word(engine: duckdb.DuckDBPyConnection) -> None:
    """A field without a value is told from the word for it."""
    kind = duckdb.sqltype("STRUCT(a VARCHAR, b VARCHAR)")
    expression = _StructReader(engine, "{'a': NULL, 'b': 'NULL'}").whole(kind)
    assert engine.execute(f"select {expression}").fetchone() == ({"a": None, "b": "NULL"},)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_text_of_no_struct_is_refused(text: str, engine: duckdb.DuckDBPyConnection) -> None:
    """Nothing is guessed, nothing is run."""
    with pytest.raises((_OddTextError, duckdb.Error)):
        _StructReader(engine, text).whole(duckdb.sqltype("STRUCT(a BIGINT)"))
