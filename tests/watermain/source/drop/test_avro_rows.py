"""The text of Avro types says what was stored; files that lie are refused at once."""

from __future__ import annotations

import io
import json
import zlib
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watermain.source.dropped import avro
from watermain.source.delivery import Caps, FileRows, UnreadableFileError
from watermain.source.drop.avro_rows import AvroRows

SYNC = b"s" * 16


def of(kind: Any) -> dict[str, Any]:
    """A record with one field of this type."""
    return {"type": "record", "name": "thing", "fields": [{"name": "x", "type": kind}]}


def texts(data: bytes, path: str = "x", **caps: int) -> list[str | None]:
    """The column's values as the reader writes them."""
    parts = AvroRows(io.BytesIO(data), ("x",), {"x": path}, Caps(**caps))
    return [text for part in parts for text in part.rows.column(0).to_pylist()]


def varint(number: int) -> bytes:
    """A number as Avro writes it."""
    value, found = (number << 1) ^ (number >> 63), b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def container(schema: Any, *blocks: tuple[int, bytes], codec: bytes = b"null") -> bytes:
    """A file whose blocks hold what the test says, beside the count that it says."""
    found = b"Obj\x01" + varint(2)
    written = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    for key, value in ((b"avro.schema", written), (b"avro.codec", codec)):
        found += varint(len(key)) + key + varint(len(value)) + value
    found += varint(0) + SYNC
    for count, data in blocks:
        found += varint(count) + varint(len(data)) + data + SYNC
    return found


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("long", [-(2**63), 2**63 - 1], [str(-(2**63)), str(2**63 - 1)]),
        (["null", "int"], [None, 5], [None, "5"]),
        ("boolean", [True, False], ["true", "false"]),
        ("double", [0.1, 5e-324], ["0.1", "5e-324"]),
        ("float", [0.5], ["0.5"]),
        ("string", ["", "é\n\0"], ["", "é\n\0"]),
        ("bytes", [b"abc"], ["abc"]),
        ({"type": "enum", "name": "e", "symbols": ["UP", "DOWN"]}, ["DOWN"], ["DOWN"]),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18},
            [Decimal("12345678901234567890.123456789012345678"), Decimal("-0.000000000000000001")],
            ["12345678901234567890.123456789012345678", "-0.000000000000000001"],
        ),
        ({"type": "int", "logicalType": "date"}, [date(9999, 12, 31)], ["9999-12-31"]),
        (
            {"type": "long", "logicalType": "timestamp-micros"},
            [datetime(1, 1, 1, tzinfo=UTC)],
            ["0001-01-01 00:00:00.000000Z"],
        ),
        (
            {"type": "long", "logicalType": "local-timestamp-millis"},
            [datetime(2013, 1, 1, 5)],
            ["2013-01-01 05:00:00.000"],
        ),
    ],
)
@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_known_values_have_known_texts(
    kind: Any, values: list[Any], expected: list[str | None], codec: str
) -> None:
    data = avro(of(kind), [{"x": value} for value in values], codec=codec)
    assert texts(data) == expected


def test_nested_field_is_reached_by_its_path() -> None:
    inner = {"type": "record", "name": "inner", "fields": [{"name": "y", "type": "long"}]}
    data = avro(of(["null", inner]), [{"x": {"y": 7}}, {"x": None}])
    assert texts(data, "x.y") == ["7", None]
    with pytest.raises(UnreadableFileError, match=r"it lacks `x\.z`"):
        texts(data, "x.z")
    with pytest.raises(UnreadableFileError, match="`x` is record, which has no single text"):
        texts(data)


@settings(deadline=None)
@given(st.lists(st.decimals(-(10**19), 10**19, places=18, allow_nan=False), max_size=10))
def test_every_decimal_is_read_back_from_its_text(values: list[Decimal]) -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18}
    data = avro(of(kind), [{"x": value} for value in values])
    assert [Decimal(text or "") for text in texts(data)] == values


ENDLESS = of({"type": "array", "items": "null"})
TWICE = [
    {"type": "record", "name": "r0", "fields": [{"name": "x", "type": "null"}]},
    *(
        {
            "type": "record",
            "name": f"r{n}",
            "fields": [{"name": c, "type": f"r{n - 1}"} for c in "ab"],
        }
        for n in range(1, 40)
    ),
]
ITSELF = of(["null", "thing"])
DEEP = b'{"type":"array","items":' * 5000 + b'"long"' + b"}" * 5000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it ends too early"),
        (b"Obj\x02", "it does not begin as one"),
        (b"Obj\x01" + varint(2**62), "it ends too early"),
        (b"Obj\x01" + b"\xff" * 20, "a number never ends"),
        (b"Obj\x01" + varint(1) + varint(2**62), "a part says it is"),
        (container(of("long"), (2**62, b"\x02")), "a block of 1 bytes says it holds"),
        (container(of("null"), (2**62, b"")), "a block of 0 bytes says it holds"),
        (container(of("long"), (-1, b"\x02")), "says it holds -1 records"),
        (container(of("long"), (2, b"\x02\x80")), "a record cannot be decoded"),
        (container(of("string"), (1, varint(2**40) + b"x")), "a record cannot be decoded"),
        (container(of("long"), (1, b"\x02\x02")), "a block holds more than its records"),
        (container(of("long"), (1, b"\x02"))[:-1] + b"t", "a block does not end with"),
        (container(of("long"), (1, b"\x02"))[:-3], "it ends too early"),
        (container(of("long"), (1, b"\xff"), codec=b"deflate"), "it is no sound Avro file"),
        (container(of("long"), codec=b"lzma") + varint(1) + varint(0), "is none of `null`"),
        (container(ENDLESS, (1, varint(2**40))), "it lists what takes no bytes"),
        (container({**of("long"), "fields": [{"name": "x", "type": t} for t in TWICE]}), "deeply"),
        (container(ITSELF), "holds itself"),
        (container(of(json.loads(DEEP[:24] + b'"long"}'))), "which has no single text"),
        (container(DEEP), "its schema cannot be read"),
        (container(b'"long"'), "its schema is no record"),
        (container(b"{}"), "its schema cannot be read"),
        (container(of(["int", "string"])), "`x` is union, which has no single text"),
    ],
)
def test_file_that_lies_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        texts(data)


def test_block_that_unpacks_beyond_its_cap_is_refused() -> None:
    engine = zlib.compressobj(wbits=-15)
    bomb = engine.compress(varint(50_000_000) + b"\0" * 50_000_000) + engine.flush()
    with pytest.raises(UnreadableFileError, match="a block unpacks to more than 1000000 bytes"):
        texts(container(of("bytes"), (1, bomb), codec=b"deflate"), row_bytes=1_000_000)


@settings(deadline=None)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_broken_bytes_give_rows_or_one_reason(at: int, harm: bytes) -> None:
    data = bytearray(avro(of(["null", "string"]), [{"x": "abc"}, {"x": None}] * 20))
    data[at : at + len(harm)] = harm
    with suppress(UnreadableFileError):
        parts = list(AvroRows(io.BytesIO(data), ("x",), {}))
        assert sum(part.rows.num_rows if isinstance(part, FileRows) else 1 for part in parts) == 40
