"""Rows of a feature table as entries of a store, held against Python's own JSON."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watermain.declare import Column, Contract, Dataset, dataset
from watermain.declare.errors import UnknownFeatureError
from watermain.declare.feature import Feature
from watermain.declare.feature_ref import feature_of
from watermain.declare.feature_table import feature_table
from watermain.engine.feature.online_row import entries_sql, newest_sql, value_sql

INSTANT = pa.timestamp("us", "UTC")
AT = datetime(2013, 1, 1, 12, tzinfo=UTC)
EDGES = [-(2**63), -(2**53) - 1, -1, 0, 1, 2**53 + 1, 2**63 - 1]
HARD = ['"', "\\", "\\u001f", "\x00", "\x1f\x1b\x0b\n\t\r\b\f", "\x7f\x85\u2028", "\U0010ffff", ""]


def table_of(entity: dict[str, pa.DataType], features: dict[str, pa.DataType]) -> Dataset:
    """A feature table of such columns, its event time `at`, known since `known_at`."""
    columns = (
        *(Column(name, kind, "whom") for name, kind in entity.items()),
        Column("at", INSTANT, "when"),
        Column("known_at", INSTANT, "since when that is known", nullable=False),
        *(Column(name, kind, "what") for name, kind in features.items()),
    )

    def body() -> pa.Table:
        return pa.schema([(c.name, c.type) for c in columns]).empty_table()

    return feature_table(
        "weather.features.things",
        feature=Feature(entity=tuple(entity), known_at="known_at"),
        contract=Contract(
            grain="one row", key=(*entity, "at", "known_at"), event_time="at", columns=columns
        ),
        owner="team:weather",
    )(body)


def entries(made: Dataset, rows: list[dict[str, Any]]) -> list[tuple[bytes, int, bytes]]:
    """The entries that the engine makes of rows."""
    given = [{"at": AT, "known_at": AT, **row} for row in rows]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("given", pa.Table.from_pylist(given, schema=made.contract.schema))
        return connection.execute(entries_sql(made, "select * from given")).fetchall()


TEXT = table_of({"name": pa.string(), "number": pa.int64()}, {})
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@settings(max_examples=150)
@given(st.lists(st.tuples(NAMES, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=20))
@example([(name, number) for name in HARD for number in EDGES])
@example([(chr(code), code) for code in range(0x300)])
def test_key_is_what_orjson_gives(rows: list[tuple[str, int]]) -> None:
    """Byte for byte: quotes, backslashes, control characters, every plane, whole numbers' ends."""
    found = entries(TEXT, [{"name": name, "number": number} for name, number in rows])
    assert [key for key, _, _ in found] == [orjson.dumps([*row]) for row in rows]
    assert {value for _, _, value in found} == {b"{}"}


def test_key_follows_the_declared_order() -> None:
    """Not that of the columns; every kind of whole number."""
    kinds = {"a": pa.uint64(), "b": pa.int8(), "c": pa.string()}
    made = table_of(kinds, {})
    (found,) = entries(made, [{"a": 2**64 - 1, "b": -128, "c": "x"}])
    assert found[0] == b'[18446744073709551615,-128,"x"]'


FEATURES: dict[str, pa.DataType] = {
    "whole": pa.int64(),
    "number": pa.float64(),
    "half": pa.float32(),
    "yes": pa.bool_(),
    'na"me': pa.string(),
    "price": pa.decimal128(38, 6),
    "since": INSTANT,
    "wall": pa.timestamp("us"),
    "day": pa.date32(),
    "raw": pa.binary(),
    "many": pa.list_(pa.float64()),
    "pair": pa.struct([("when", INSTANT), ("share", pa.float64())]),
}
WIDE = table_of({"id": pa.int64()}, FEATURES)
INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "whole": st.integers(-(2**63), 2**63 - 1),
        "number": st.floats(),
        "half": st.floats(width=32),
        "yes": st.booleans(),
        'na"me': NAMES,
        "price": st.decimals(-(10**31), 10**31, places=6, allow_nan=False),
        "since": INSTANTS.map(lambda at: at.replace(tzinfo=UTC)),
        "wall": INSTANTS,
        "day": st.dates(),
        "many": st.lists(st.floats(), max_size=3),
    },
)


def plain(value: Any) -> Any:
    """A feature's value as its JSON is read back, floats of JSON read as what they are."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return f"{value:.6f}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + (
            "Z" if value.tzinfo else ""
        )
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


@settings(max_examples=150)
@given(ROWS)
def test_value_is_exact(row: dict[str, Any]) -> None:
    """Every digit of numbers, every microsecond; in the contract's order, nulls included."""
    ((_, _, value),) = entries(WIDE, [{"id": 1, **row}])
    found = json.loads(value)
    assert list(found) == list(FEATURES)
    assert found == {name: plain(row.get(name)) for name in FEATURES}
    assert found["whole"] is None or isinstance(found["whole"], int)
    assert orjson.loads(value) == found


def test_value_looks_like_this() -> None:
    """A known answer, what is nested included."""
    row = {
        "whole": 2**53 + 1,
        "number": math.nan,
        "half": 0.5,
        "price": Decimal("12.500000"),
        "since": AT + timedelta(microseconds=7),
        "raw": b"\x00\xff",
        "many": [1.5, math.inf],
        "pair": {"when": AT, "share": -math.inf},
    }
    ((_, event_us, value),) = entries(WIDE, [{"id": 1, **row}])
    assert event_us == 1357041600000000
    assert value.decode() == (
        '{"whole":9007199254740993,"number":null,"half":0.5,"yes":null,"na\\"me":null,'
        '"price":"12.500000","since":"2013-01-01T12:00:00.000007Z","wall":null,"day":null,'
        '"raw":"AP8=","many":[1.5,null],'
        '"pair":{"when":"2013-01-01T12:00:00.000000Z","share":null}}'
    )


def test_newest_is_latest_event_then_latest_known() -> None:
    """Of each entity."""
    hour = timedelta(hours=1)
    rows = [
        (1, AT, AT, 1),
        (1, AT + hour, AT + hour, 2),
        (1, AT + hour, AT + 3 * hour, 3),
        (1, AT, AT + 9 * hour, 4),
        (2, AT, AT, 5),
    ]
    made = table_of({"id": pa.int64()}, {"whole": pa.int64()})
    with duckdb.connect() as connection:
        given = [dict(zip(made.contract.schema.names, row, strict=True)) for row in rows]
        connection.register("given", pa.Table.from_pylist(given, schema=made.contract.schema))
        found = connection.execute(
            f"select id, whole from ({newest_sql(made, 'select * from given')}) order by id"
        ).fetchall()
    assert found == [(1, 3), (2, 5)]


def test_other_datasets_have_no_entries() -> None:
    """The error says what to name instead."""

    def body() -> pa.Table:
        return contract.schema.empty_table()

    contract = Contract(grain="x", key=("id",), columns=(Column("id", pa.int64(), "x"),))
    plain_one = dataset("weather.curated.things", contract=contract, owner="team:x")(body)
    for ask in (feature_of, value_sql):
        with pytest.raises(UnknownFeatureError, match="things is no feature table") as raised:
            ask(plain_one)
        assert len(str(raised.value).splitlines()) == 4
