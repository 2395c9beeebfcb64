"""Values read with the JSON are what they are when read as texts, or are not read."""

from __future__ import annotations

import json
import random
from io import BytesIO
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.faults.spellings import NUMBERS, TYPES, plain
from watermain.engine.capture.typing_rules import typed_value
from watermain.engine.table.table import engine_types
from watermain.source.delivery import FileRows, OddInstantsError
from watermain.source.protocol import Shape
from watermain.source.text.json_block import JsonBlock
from watermain.source.text.json_lines import JsonLines

EACH = 1500
FAST = ("int8", "int64", "uint32", "uint64", "money", "exact", "ratio", "narrow", "flag",
        "local_us", "instant_us")  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    """The engine that the lake has, in its time zone."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection


def lines(name: str) -> list[bytes]:
    """One object for each spelling: what is JSON bare, everything else quoted."""
    chance = random.Random(f"2013 {name}")
    texts = [TYPES[name].made(chance) for _ in range(EACH)] + [*NUMBERS, "1e-400", "0e-400"]
    found = []
    for text in texts:
        try:
            bare = text == json.dumps(json.loads(text)) or float(text) is not None
            json.loads(text)
        except (ValueError, RecursionError):
            bare = False
        value = text if bare and text.strip() == text else json.dumps(text, ensure_ascii=False)
        found.append(f'{{"x":{value}}}\n'.encode())
    return found


def at_once(line: bytes, kind: pa.DataType) -> pa.Array | None:
    """The column as it is read with the JSON, None where that is left to the slow way."""
    block = JsonBlock.of([("x",)], [kind], instants=True)
    assert block is not None
    try:
        runs = block.read(line)
    except OddInstantsError:
        return None
    return None if runs is None else runs[0][0]


def alone(line: bytes, kind: pa.DataType) -> pa.Array | None:
    """The column as text, None where the line is refused; a blank line makes the block odd."""
    shape = Shape(dataset="a.raw.b", columns=("x",), types=(kind,))
    (part,) = JsonLines(BytesIO(b"\n" + line), shape, {})
    return part.rows.column("x") if isinstance(part, FileRows) else None


def stored(engine: duckdb.DuckDBPyConnection, columns: list[Any], kind: pa.DataType) -> list[Any]:
    """What the lake would hold of columns of one row each."""
    name = engine_types(engine, pa.schema([("x", kind)]))["x"]
    joined = pa.concat_arrays(columns)
    engine.register("given", pa.table({"n": range(len(joined)), "x": joined}))
    value = typed_value("x", kind, name, is_text=pa.types.is_string(joined.type))
    found = engine.execute(f"select {value} as x from given order by n").to_arrow_table()
    return [plain(each) for each in found["x"]]


@pytest.mark.parametrize("name", FAST)
def test_value_read_at_once_is_the_value_of_its_text(
    engine: duckdb.DuckDBPyConnection, name: str
) -> None:
    """Fifteen hundred spellings of each type; a few hundred are read at once."""
    kind = TYPES[name].arrow
    taken = [(line, at_once(line, kind)) for line in lines(name)]
    read = [(line, column) for line, column in taken if column is not None]
    texts = [alone(line, kind) for line, _ in read]
    assert all(text is not None for text in texts)
    fast = stored(engine, [column for _, column in read], kind)
    slow = stored(engine, texts, kind)
    wrong = [
        (line, quick, right)
        for (line, _), quick, right in zip(read, fast, slow, strict=True)
        if repr(quick) != repr(right)
    ]
    assert wrong == []
    assert len(read) > 20


def test_number_too_small_for_a_double_is_left_to_the_slow_way() -> None:
    """It would be zero; a zero that says so is read at once."""
    kind = pa.float64()
    for odd in (b"1e-400", b"1E-0400", b"0." + b"0" * 330 + b"1"):
        assert at_once(b'{"x":' + odd + b"}\n", kind) is None
    for fine in (b"0", b"0.0", b"-0.0", b"0e-9", b"1e-300"):
        assert at_once(b'{"x":' + fine + b"}\n", kind) is not None
