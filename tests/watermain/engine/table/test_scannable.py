"""Bytes of one length inside of structs, as the engine would write them wrong."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from watermain.engine.table.scannable import scannable

BYTES = pa.binary(3)
PART = pa.struct([("a", BYTES), ("n", pa.int8())])
VALUES = {
    "struct": (PART, [None, {"a": None, "n": 1}, {"a": b"abc", "n": None}]),
    "list": (pa.list_(PART), [None, [None, {"a": b"\x00bc", "n": 1}], []]),
    "list of lists": (pa.large_list(pa.list_(PART)), [[[None, {"a": b"abc", "n": 2}], None], None]),
    "map": (pa.map_(pa.string(), PART), [[("k", None), ("l", {"a": b"xyz", "n": None})], None]),
    "struct of a struct": (
        pa.struct([("p", PART)]),
        [None, {"p": None}, {"p": {"a": b"abc", "n": 3}}],
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_bytes_of_one_length_come_back_from_a_file(name: str, tmp_path: Path) -> None:
    kind, values = VALUES[name]
    rows = pa.table({"x": pa.array(values, kind)})
    engine, path = duckdb.connect(), tmp_path / "x.parquet"
    engine.register("rows", scannable(rows))
    engine.execute(f"copy rows to '{path}'")
    assert pq.read_table(path).column("x").to_pylist() == rows.column("x").to_pylist()


def test_table_without_such_bytes_is_left_as_it_is() -> None:
    rows = pa.table({"x": pa.array([b"abc"], BYTES), "y": pa.array([[1]])})
    assert scannable(rows) is rows


def test_engine_still_writes_others(tmp_path: Path) -> None:
    """When this fails the engine was mended, and the module is in vain."""
    kind, values = VALUES["struct"]
    engine, path = duckdb.connect(), tmp_path / "x.parquet"
    engine.register("rows", pa.table({"x": pa.array(values, kind)}))
    engine.execute(f"copy rows to '{path}'")
    assert pq.read_table(path).column("x").to_pylist() != values
