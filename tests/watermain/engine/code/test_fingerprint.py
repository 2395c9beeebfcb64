"""Fingerprints tell values apart, nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.engine.code.fingerprint import fingerprint, plain_type

COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "text": (pa.string(), ["a", None, "", "größer", "a"]),
    "blob": (pa.binary(), [b"a", None, b"", b"\0\0", b"a"]),
    "fixed": (pa.binary(2), [b"ab", None, b"cd", b"\0\0", b"ab"]),
    "flag": (pa.bool_(), [True, None, False, True, True]),
    "small": (pa.int8(), [1, None, -1, 0, 5]),
    "big": (pa.uint64(), [1, None, 2**64 - 1, 0, 5]),
    "real": (pa.float64(), [0.5, None, -0.5, 1e300, 0.0]),
    "price": (pa.decimal128(10, 2), [Decimal("1.10"), None, Decimal("-1"), Decimal(0), None]),
    "day": (pa.date32(), [date(2013, 1, 1), None, date(2014, 1, 1), None, date(1900, 1, 1)]),
    "at": (pa.timestamp("us", "UTC"), [0, None, 1, 2, 3]),
    "list": (pa.list_(pa.string()), [["a", None], None, [], ["b"], ["a"]]),
    "pair": (pa.list_(pa.int64(), 2), [[1, 2], None, [3, None], [5, 6], [1, 2]]),
    "struct": (pa.struct({"x": pa.int64()}), [{"x": 1}, None, {"x": None}, {"x": 3}, {"x": 1}]),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], None, [], [("b", None)], [("c", 2)]]),
    "nothing": (pa.null(), [None] * 5),
}


def column(name: str, values: list[Any] | None = None) -> pa.Table:
    kind, known = COLUMNS[name]
    return pa.table({name: pa.array(known if values is None else values, kind)})


@pytest.mark.parametrize("name", COLUMNS)
def test_fingerprint_ignores_how_rows_lie(name: str) -> None:
    """Chunks, slices, empty pieces change nothing."""
    whole = column(name)
    pieces = pa.concat_tables([whole[:1], whole[1:1], whole[1:4], whole[4:]])
    padded = pa.concat_tables([whole, whole, whole]).combine_chunks()[5:10]
    assert fingerprint(pieces) == fingerprint(padded) == fingerprint(whole)


@pytest.mark.parametrize("name", [n for n in COLUMNS if n != "nothing"])
def test_fingerprint_sees_each_value(name: str) -> None:
    """A value more, less, elsewhere, null, of another name or type is another."""
    _, values = COLUMNS[name]
    others = [
        column(name, values[:4]),
        column(name, [values[2], *values[1:]]),
        column(name, [values[1], values[0], *values[2:]]),
        column(name, [None, *values[1:]]),
        column(name).rename_columns(["other"]),
        column(name).append_column("more", column(name)[name]),
        column(name)[:0],
    ]
    prints = [fingerprint(t) for t in (column(name), *others)]
    assert len(set(prints)) == len(prints)


NESTED = {
    "list": (pa.list_(pa.string_view()), [None, ["a", None], []]),
    "struct in lists": (
        pa.list_(pa.list_(pa.struct([("f", pa.string_view())]))),
        [None, [[{"f": "a"}, None]], []],
    ),
    "map": (pa.map_(pa.string_view(), pa.list_(pa.binary_view())), [[("a", [b"b"])], None, []]),
    "fixed": (pa.list_(pa.string_view(), 2), [["a", "b"], None, ["c", None]]),
    "view of a list": (pa.list_view(pa.string_view()), [["a"], None]),
    "large view": (pa.large_list_view(pa.int8()), [[1], None]),
    "dictionary": (pa.list_(pa.dictionary(pa.int8(), pa.string())), [["a"], None]),
    "bytes": (pa.binary_view(), [b"a", None]),
}


@pytest.mark.parametrize("name", NESTED)
def test_fingerprint_knows_one_kind_of_text_within_others(name: str) -> None:
    """Arrow has no functions over views: their values are laid one after the other."""
    kind, values = NESTED[name]
    plain = pa.table({"a": pa.array(values, plain_type(kind))})
    assert fingerprint(pa.table({"a": pa.array(values, kind)})) == fingerprint(plain)
    assert fingerprint(plain.slice(1)) != fingerprint(plain)


def test_fingerprint_knows_one_kind_of_text() -> None:
    """How text is encoded is no value."""
    plain = column("text")
    kinds = [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
    for kind in kinds:
        assert fingerprint(plain.cast(pa.schema({"text": kind}))) == fingerprint(plain)
    assert fingerprint(column("small")) != fingerprint(
        column("small").cast(pa.schema({"small": pa.int16()}))
    )


def test_fingerprint_ignores_what_lies_beneath_a_null() -> None:
    """Memory that means nothing is not hashed."""
    mask = pa.py_buffer(b"\x05")
    buffers = [pa.array(v, pa.int64()).buffers()[1] for v in ([1, 7, 3], [1, 9, 3])]
    first, second = (pa.Array.from_buffers(pa.int64(), 3, [mask, b]) for b in buffers)
    assert first.to_pylist() == second.to_pylist() == [1, None, 3]
    assert fingerprint(pa.table({"x": first})) == fingerprint(pa.table({"x": second}))


def test_fingerprint_stays_what_it_is() -> None:
    """Manifests of years ago are compared with it."""
    known = "7f49178155d294a69ea0f570d40c7f6abf8308817cfb1282857f6bebbce40899"
    assert fingerprint(pa.table({"x": pa.array([1, None, 3]), "y": ["a", "b", None]})) == known


@given(left=st.lists(st.none() | st.text(max_size=3)), right=st.lists(st.none() | st.text()))
def test_fingerprint_is_the_same_for_the_same_texts_alone(
    left: list[str | None], right: list[str | None]
) -> None:
    """Where one text ends, the next begins is told."""
    prints = [fingerprint(column("text", values)) for values in (left, right)]
    assert (prints[0] == prints[1]) == (left == right)
