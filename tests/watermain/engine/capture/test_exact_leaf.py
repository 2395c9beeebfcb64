"""A text becomes the one value that it means, or nothing, in every type."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.faults.meaning import ASIDE, meaning
from tests.faults.spellings import TYPES, plain
from tests.faults.typed_values import same
from watermain.engine.capture.nested import is_nested, shaped_name, with_shapes
from watermain.engine.capture.typing_rules import typed
from watermain.engine.table.table import engine_types
from watermain.lake.lake import quote

EACH = 1000


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    """The engine that the lake has, in its time zone."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection


def held(
    engine: duckdb.DuckDBPyConnection, kind: pa.DataType, texts: Sequence[str | None]
) -> list[Any]:
    """What the texts become."""
    name = engine_types(engine, pa.schema([("x", kind)]))["x"]
    rows = pa.table({"n": range(len(texts)), "x": pa.array(texts, pa.string())})
    engine.register("given", with_shapes(rows, {"x": kind} if is_nested(kind) else {}))
    column = quote(shaped_name("x")) if is_nested(kind) else "x"
    found = engine.execute(f"select {typed(column, kind, name)} as x from given order by n")
    return [plain(each) for each in found.to_arrow_table()["x"]]


@pytest.mark.parametrize("name", TYPES)
def test_text_of_any_spelling_means_what_it_says(
    engine: duckdb.DuckDBPyConnection, name: str
) -> None:
    """Kept exactly, or put aside; as plain Python judges it, of a thousand spellings."""
    arrow, kind, made = TYPES[name]
    chance = random.Random(f"2013 {name}")
    texts = [made(chance) for _ in range(EACH)]
    expected = [meaning(kind, text) for text in texts]
    found = [ASIDE if each is None else each for each in held(engine, arrow, texts)]
    wrong = [
        (text, each, wanted)
        for text, each, wanted in zip(texts, found, expected, strict=True)
        if not same(each, wanted)
    ]
    assert wrong == []
    assert 0 < len([each for each in expected if each != ASIDE]) <= EACH
