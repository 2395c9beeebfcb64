"""Types of the engine fit one another only where no value changes."""

from __future__ import annotations

import duckdb
import pytest

from watermain.engine.table.engine_type import described, fits

FITS = {
    ("tinyint", "bigint"),
    ("integer", "bigint"),
    ("uinteger", "bigint"),
    ("utinyint", "uinteger"),
    ("hugeint", "bigint"),
    ("hugeint", "ubigint"),
    ("integer", "double"),
    ("smallint", "float"),
    ("float", "double"),
    ("integer", "decimal(12, 2)"),
    ("decimal(10, 2)", "decimal(12, 2)"),
    ("decimal(12, 2)", "decimal(14, 4)"),
    ("timestamp_s", "timestamp"),
    ("timestamp_ms", "timestamp"),
    ("timestamp", "timestamp_ns"),
    ("integer[]", "bigint[]"),
    ("varchar", "varchar"),
    ("struct(a integer)", "struct(a bigint)"),
    ("map(varchar, integer)", "map(varchar, bigint)"),
    ("integer[3]", "bigint[3]"),
    ("enum('a')", "varchar"),
    ("bigint", "decimal(38, 0)"),
}
CHANGES = {
    ("bigint", "integer"),
    ("ubigint", "bigint"),
    ("integer", "uinteger"),
    ("bigint", "double"),
    ("integer", "float"),
    ("double", "float"),
    ("double", "decimal(12, 2)"),
    ("decimal(12, 2)", "double"),
    ("decimal(22, 4)", "decimal(12, 2)"),
    ("bigint", "hugeint[]"),
    ("decimal(38, 2)", "decimal(12, 2)"),
    ("decimal(12, 2)", "decimal(12, 4)"),
    ("bigint", "decimal(12, 2)"),
    ("timestamp_ns", "timestamp"),
    ("timestamp", "timestamp_s"),
    ("timestamp", "timestamptz"),
    ("timestamptz", "timestamp"),
    ("date", "timestamp"),
    ("timestamp", "date"),
    ("varchar", "bigint"),
    ("bigint", "varchar"),
    ("boolean", "bigint"),
    ("varchar", "date"),
    ("varchar", "enum('a')"),
    ("bigint[]", "integer[]"),
    ("blob", "varchar"),
    ("struct(a bigint)", "struct(a integer)"),
    ("struct(a integer)", "struct(b integer)"),
    ("struct(a integer, b integer)", "struct(b integer, a integer)"),
    ("map(varchar, bigint)", "map(varchar, integer)"),
    ("integer[3]", "integer[4]"),
    ("uuid", "varchar"),
    ("hugeint", "integer"),
    ("interval", "bigint"),
    ("varchar[]", "varchar"),
}


def answer(found: str, wanted: str) -> bool:
    """Ask about two types, as the engine describes them."""
    with duckdb.connect() as connection:
        kinds = described(connection, f"select null::{found} as a, null::{wanted} as b")
    return fits(kinds["a"], kinds["b"])


@pytest.mark.parametrize(("found", "wanted"), sorted(FITS))
def test_wider_type_keeps_every_value(found: str, wanted: str) -> None:
    """Or, of a sum, ends the publish."""
    assert answer(found, wanted)


@pytest.mark.parametrize(("found", "wanted"), sorted(CHANGES))
def test_other_type_is_refused(found: str, wanted: str) -> None:
    """Some value would be rounded, cut, moved or read as something else."""
    assert not answer(found, wanted)


def test_nothing_is_run_to_be_described() -> None:
    """A query that would fail at its first row has types all the same."""
    with duckdb.connect() as connection:
        found = described(connection, "select error('run')::varchar as a, 1.5 * 1.25 as b")
    assert {n: str(k) for n, k in found.items()} == {"a": "VARCHAR", "b": "DECIMAL(5,3)"}
