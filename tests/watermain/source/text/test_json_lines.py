"""Known answers, random files, for the reader of JSON lines."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermain.source.arrow_text import exact_text
from watermain.source.delivery import Caps, FileRows, OddRowsError, Reject
from watermain.source.protocol import Shape
from watermain.source.text import json_lines
from watermain.source.text.json_block import JsonBlock
from watermain.source.text.json_lines import JsonLines, Typed
from watermain.source.text.measure import TOO_DEEP

TYPES = {
    "i": pa.int64(),
    "f": pa.float64(),
    "d": pa.decimal128(38, 18),
    "s": pa.string(),
    "b": pa.bool_(),
}
FIELDS = {"s": "in.deep.s"}


def reader(data: bytes, *, bulk: bool = True, typed: Typed = "texts", **caps: int) -> JsonLines:
    """A reader of every type, `s` from two levels down."""
    types = tuple(TYPES.values()) if bulk else ()
    shape = Shape(dataset="shop.raw.lines", columns=tuple(TYPES), types=types)
    return JsonLines(io.BytesIO(data), shape, FIELDS, Caps(**caps), typed=typed)


def read(data: bytes, **words: Any) -> tuple[list[tuple], list[tuple]]:
    """The rows with their numbers, then the rejects with their lines."""
    rows: list[tuple] = []
    rejects: list[tuple] = []
    for part in reader(data, **words):
        if isinstance(part, FileRows):
            for at, row in enumerate(part.rows.to_pylist()):
                rows.append((part.first + at, *row.values()))
        else:
            assert isinstance(part, Reject)
            rejects.append((part.line, part.reason, part.payload))
    return rows, rejects


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize(
    ("line", "row"),
    [
        (b'{"i":9223372036854775807}', ("9223372036854775807", None, None, None, None)),
        (b'{"i":-9223372036854775808}', ("-9223372036854775808", None, None, None, None)),
        (b'{"i":9223372036854775808}', ("9223372036854775808", None, None, None, None)),
        (b'{"f":1e400}', (None, "1e400", None, None, None)),
        (
            b'{"d":12345678901234567890.123456789012345678}',
            (None, None, "12345678901234567890.123456789012345678", None, None),
        ),
        (b'{"in":{"deep":{"s":"x\\u0000\\u00e9"}}}', (None, None, None, "x\0é", None)),
        (b'{"in":null,"b":true}', (None, None, None, None, "true")),
        (b'{"in":{},"b":null}', (None,) * 5),
        (b"{}", (None,) * 5),
    ],
)
def test_value_is_read_exactly_in_bulk_or_alone(line: bytes, row: tuple, bulk: bool) -> None:
    assert read(line, bulk=bulk) == ([(1, *row)], [])


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "is no JSON object"),
        (b'{"i":1', "is not JSON"),
        (b'{"i":1}{"i":2}', "is not JSON"),
        (b'{"f":NaN}', "is not JSON"),
        (b'{"f":-Infinity}', "is not JSON"),
        (b'{"z":NaN}', "is not JSON"),
        (b'{"i":01}', "is not JSON"),
        (b'\xef\xbb\xbf{"i":1}', "is not JSON"),
        (b'{"i":1}\0', "is not JSON"),
        (b'{"in":{"deep":{"s":"\xff"}}}', "is not UTF-8"),
        (b'{"in":{"deep":{"s":"\\ud800"}}}', "has half a character in `in.deep.s`"),
        (b'{"in":{"deep":5}}', "has no object in `in.deep`"),
        (b'{"i":1,"i":2}', "names `i` twice"),
        (b'{"in":{"deep":{"s":"a","s":"b"}}}', "names `in.deep.s` twice"),
        (b'{"i":' + b"[" * 100_000 + b"]" * 100_000 + b"}", TOO_DEEP),
        (b'{"i":' + b'{"a":' * 100_000, TOO_DEEP),
    ],
)
def test_odd_line_is_put_aside_between_its_neighbours(line: bytes, reason: str, bulk: bool) -> None:
    rows, rejects = read(b'{"i":1}\n' + line + b'\n{"i":3}\n', bulk=bulk, payload_bytes=9)
    assert [row[:2] for row in rows] == [(1, "1"), (3, "3")]
    assert rejects == [(2, reason, line[:9].decode("utf-8", "backslashreplace"))]


def test_blank_lines_marks_and_carriage_returns_are_no_rows() -> None:
    rows, rejects = read(b'\xef\xbb\xbf{"i":1}\r\n\r\n  \n{"i":2}\r\n{"i":3}')
    assert [row[:2] for row in rows] == [(1, "1"), (2, "2"), (3, "3")]
    assert rejects == []
    assert read(b"") == ([], [])
    assert read(b"\n\n") == ([], [])


def test_decimal_with_a_power_is_written_out_whatever_its_neighbours() -> None:
    for neighbour in (b"", b"oops\n"):
        rows, _ = read(b'{"d":1.5e3}\n{"d":25E-2}\n' + neighbour)
        assert [float(row[3]) for row in rows] == [1500, 0.25]
        assert not any("e" in row[3].lower() for row in rows)
    assert read(b'{"d":1e999999999}\n')[0][0][3] == "1e999999999"


def test_line_beyond_its_cap_is_put_aside_with_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_lines, "_BLOCK_BYTES", 64)
    data = b'{"i":1}\n{"s":"' + b"x" * 500 + b'"}\n{"i":3}\n' + b"y" * 300
    rows, rejects = read(data, row_bytes=100, payload_bytes=6)
    assert [row[:2] for row in rows] == [(1, "1"), (3, "3")]
    long = "is longer than 100 bytes"
    assert rejects == [(2, long, '{"s":"'), (4, long, "yyyyyy")]


def test_undeclared_names_are_told() -> None:
    lines = reader(b'{"i":1,"new":[1,{"x":2}],"in":{"other":1}}\n' * 3)
    assert [part.rows.num_rows for part in lines] == [3]  # type: ignore[union-attr]
    assert lines.unknown_columns == ("in.other", "new")


def test_columns_that_the_engine_cannot_take_are_read_line_by_line() -> None:
    data = b'{"a":{"x":1.10},"b":[1,2.50]}\n'
    types = (pa.string(), pa.list_(pa.float64()))
    shape = Shape(dataset="shop.raw.lines", columns=("a", "b"), types=types)
    (part,) = JsonLines(io.BytesIO(data), shape, {})
    assert isinstance(part, FileRows)
    assert part.rows.to_pylist() == [{"a": '{"x":1.10}', "b": "[1,2.50]"}]


NUMBER = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.none() | st.booleans() | NUMBER | st.text(max_size=4) | st.lists(st.none(), max_size=2)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "i": st.integers(-(2**63), 2**63 - 1) | VALUE,
        "f": NUMBER | VALUE,
        "b": st.booleans() | VALUE,
        "in": st.fixed_dictionaries({}, optional={"deep": st.dictionaries(st.just("s"), VALUE)}),
        "z": VALUE,
    },
)


@settings(deadline=None)
@given(st.lists(RECORD | VALUE, max_size=12), st.integers(8, 80))
def test_any_records_are_the_same_in_bulk_as_alone(records: list[Any], block: int) -> None:
    data = b"".join(json.dumps(each).encode() + b"\n" for each in records)
    alone = read(data, bulk=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "_BLOCK_BYTES", block)
        bulk = read(data)
    assert bulk[1] == alone[1]
    assert [same(row) for row in bulk[0]] == [same(row) for row in alone[0]]


@settings(deadline=None)
@given(st.lists(RECORD, max_size=6), st.integers(8, 80))
def test_typed_records_are_those_of_text_or_refused(records: list[Any], block: int) -> None:
    data = b"".join(json.dumps(each).encode() + b"\n" for each in records)
    typed = reader(data, typed="numbers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "_BLOCK_BYTES", block)
        try:
            parts = list(typed)
        except OddRowsError:
            assert any(read_in_bulk(line) is None for line in data.splitlines(keepends=True))
            return
    held = [part.rows for part in parts if isinstance(part, FileRows)]
    assert all(rows.schema.types == list(typed.kinds) for rows in held)
    texts = [
        tuple(
            exact_text(name, column)[at].as_py()
            for name, column in zip(TYPES, rows.columns, strict=True)
        )
        for rows in held
        for at in range(rows.num_rows)
    ]
    assert texts == [row[1:] for row in read(data)[0]]


def read_in_bulk(data: bytes) -> list[list[pa.Array]] | None:
    """What the engine alone makes of lines."""
    paths = [tuple(FIELDS.get(name, name).split(".")) for name in TYPES]
    block = JsonBlock.of(paths, list(TYPES.values()))
    assert block is not None
    return block.read(data)


def test_a_line_that_only_reads_alone_is_odd_among_typed_ones() -> None:
    for line in (b'{"i":"1"}', b"oops", b'{"d":1.0000000000000000001}'):
        lines = reader(b'{"i":1}\n' + line + b"\n", typed="numbers")
        with pytest.raises(OddRowsError):
            list(lines)


def same(row: tuple) -> tuple:
    """A row whose float is a number, since its text may be written in two ways."""
    number, i, f, d, *others = row
    try:
        return (number, i, float(f), d, *others)
    except (TypeError, ValueError):
        return row


@settings(deadline=None)
@given(st.lists(st.sampled_from([b'{"i":1}', b"{", b"}", b"\n", b"\r", b" ", b'"', b"\xff", b","])))
def test_any_bytes_are_rows_or_rejects_in_bulk_as_alone(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert read(data) == read(data, bulk=False)
