"""Messages of JSON as columns of text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.source.delivery import Caps
from watermain.source.text import json_rows
from watermain.source.text.json_rows import JsonMessages

NUMBERS = [
    "0",
    "-0",
    "1.10",
    "1e5",
    "1E-7",
    "-0.0",
    "9223372036854775808",
    "12345678901234567890.123456789012345678",
    "0.1000000000000000055511151231257827",
    "1e400",
]


def one(message: str | bytes, *columns: str, **fields: str) -> list[str | None]:
    """The columns of one message that can be read."""
    decoded = JsonMessages(columns, fields).read(
        [message.encode() if isinstance(message, str) else message]
    )
    assert decoded.refused == {}
    return [column[0].as_py() for column in decoded.columns]


@pytest.mark.parametrize("number", NUMBERS)
def test_number_keeps_every_digit_at_any_depth(number: str) -> None:
    message = f'{{"a": {number}, "b": {{"c": {number}, "d": [{number}]}}}}'
    assert one(message, "a", "c", "b", c="b.c") == [
        number,
        number,
        f'{{"c":{number},"d":[{number}]}}',
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("null", None),
        ('""', ""),
        ('"null"', "null"),
        ("true", "true"),
        ("false", "false"),
        ("[]", "[]"),
        ('{"k": "ü\\n"}', '{"k":"ü\\n"}'),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\u0000"', "\0"),
    ],
)
def test_value_is_handed_on_as_text(value: str, text: str | None) -> None:
    assert one(f'{{"a": {value}}}', "a") == [text]


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=5))
def test_every_text_survives(fields: dict[str, str]) -> None:
    assert one(json.dumps(fields), *fields) == list(fields.values())


def test_white_space_around_a_message_is_no_matter() -> None:
    assert one(' \r\n\t{"a": "x"} \n', "a") == ["x"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "{",
        '{"a": 1} x',
        '{"a": 01}',
        "{'a': 1}",
        "\ufeff{}",
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": "\n"}',
    ],
)
def test_what_is_no_json_is_refused(message: str) -> None:
    decoded = JsonMessages(("a",), {}).read([b'{"a": "1"}', message.encode(), b'{"a": "2"}'])
    assert decoded.refused == {1: "is not JSON"}
    assert decoded.kept == [0, 2]
    assert decoded.columns[0].to_pylist() == ["1", "2"]


def test_one_message_is_never_two() -> None:
    decoded = JsonMessages(("a",), {}).read([b'{"a": "1"}, {"a": "2"}'])
    assert decoded.refused == {0: "is not JSON"}


def test_several_refusals_in_several_columns_leave_the_rest_in_step() -> None:
    reader = JsonMessages(("a", "b", "c"), {"c": "d.e"}, Caps(row_bytes=60))
    decoded = reader.read(
        [
            b'{"a": "\\udc00", "b": "1"}',
            b'{"a": "2", "b": true, "d": {"e": 5}}',
            b'{"a": "3", "b": "\\ud800"}',
            b'{"a": "4", "d": []}',
            b'{"a": "' + b"x" * 60 + b'"}',
            b'{"a": "6", "b": "6"}',
        ]
    )
    assert decoded.kept == [1, 5]
    assert [column.to_pylist() for column in decoded.columns] == [
        ["2", "6"],
        ["true", "6"],
        ["5", None],
    ]
    assert decoded.refused == {
        0: "has half a character in `a`",
        2: "has half a character in `b`",
        3: "has no object in `d`",
        4: "is longer than 60 bytes",
    }


def test_unknown_fields_are_told_by_their_path_within_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = JsonMessages(("a", "b"), {"b": "d.e"})
    reader.read([b'{"a": {"in": 1}, "x": 1, "d": {"e": 1, "f": 2}}'])
    assert reader.unknown == {"x", "d.f"}
    monkeypatch.setattr(json_rows, "_MOST_UNKNOWN", 1)
    reader.read([b'{"y": 1}'])
    assert reader.unknown == {"x", "d.f"}
