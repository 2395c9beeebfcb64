"""The bounds of a JSON text: whatever it holds, they are found in one look."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.source.text.measure import MOST_DEPTH, TOO_DEEP, TOO_MANY, deep_parts, excess


def nested(depth: int, within: bytes = b"") -> bytes:
    """Lists around lists."""
    return b"[" * depth + within + b"]" * depth


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (nested(MOST_DEPTH), None),
        (nested(MOST_DEPTH + 1), TOO_DEEP),
        (b'{"a":' * MOST_DEPTH + b"1" + b"}" * MOST_DEPTH, None),
        (b'{"a":' * 200 + b"1" + b"}" * 200, TOO_DEEP),
        (b"[" * 3_000_000, TOO_DEEP),
        (b'"' + b"[" * 1000 + b'"', None),
        (b'"' + b'\\"[' * 1000 + b'"', None),
        (b'{"a":"\\\\","b":' + nested(127) + b"}", None),
        (b'{"a":"\\\\","b":' + nested(128) + b"}", TOO_DEEP),
        (b"[" + b"[]," * 400 + b"[]]", None),
        (b"[" + b"1," * 999_998 + b"1]", None),
        (b"[" + b"1," * 1_000_000 + b"1]", TOO_MANY),
        (b"[" + b"[]," * 600_000 + b"1]", TOO_MANY),
        (b'"' + b"1," * 1_000_001 + b'"', None),
        (b"", None),
    ],
)
def test_excess_tells_of_depth_and_values(text: bytes, wanted: str | None) -> None:
    """Brackets and commas inside of texts count for nothing."""
    assert excess(text) == wanted


@pytest.mark.parametrize(
    "hostile", [b'"\\"' * 700_000, b'"\\', b'[["\\"' * 500_000, b'\\"[' * 999_999]
)
def test_excess_looks_at_each_byte_once(hostile: bytes) -> None:
    """A text that never ends is not begun again at each of its quotes."""
    began = time.process_time()
    assert excess(hostile) in (None, TOO_DEEP, TOO_MANY)
    assert time.process_time() - began < 20  # a quadratic look would take hours


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        ),
        max_leaves=30,
    ),
    st.integers(120, 140),
)
def test_deep_parts_are_what_lies_beneath(value: object, around: int) -> None:
    """Each of them is whole JSON; with a number in its place the rest is shallow."""
    text = nested(around, json.dumps(value, ensure_ascii=False).encode())
    parts = deep_parts(text)
    assert parts is not None
    assert (excess(text) == TOO_DEEP) == bool(parts)
    shallow = text
    for begin, end in reversed(parts):
        assert isinstance(json.loads(text[begin:end]), list | dict)
        shallow = shallow[:begin] + b"0" + shallow[end:]
    assert excess(shallow) is None
    json.loads(shallow)


def test_deep_part_without_end_is_told() -> None:
    """There is nothing to put in its place."""
    assert deep_parts(b"[" * 200) is None
    assert deep_parts(nested(200)) == [(128, 272)]
    assert deep_parts(nested(3) + b",") == []
