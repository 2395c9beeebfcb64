"""Avro values become exact text, whatever lies in them; nothing that is broken passes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.watermain.source.registry import avro, record
from watermain.source.kafka.avro_values import avro_decoder
from watermain.source.kafka.schema_registry import HEAD, SchemaText, UnreadableMessageError
from watermain.source.text.json_text import written


def decoded(kind: Any, stored: Any, plain: Any = None) -> Any:
    """Write a value with the bare type, read it with its logical one."""
    value = avro(1, record(("v", plain or kind)), {"v": stored})[HEAD:]
    return avro_decoder(SchemaText(json.dumps(record(("v", kind)))))(value)["v"]


def logical(kind: str, name: str, **words: int) -> dict[str, Any]:
    """A type with a logical one."""
    return {"type": kind, "logicalType": name, **words}


@pytest.mark.parametrize(
    ("kind", "stored", "text"),
    [
        ("long", 2**63 - 1, "9223372036854775807"),
        ("long", -(2**63), "-9223372036854775808"),
        ("int", -(2**31), "-2147483648"),
        ("double", 0.1, "0.1"),
        ("double", -0.0, "-0.0"),
        ("double", 5e-324, "5e-324"),
        ("double", float("inf"), "inf"),
        ("double", float("nan"), "nan"),
        ("string", "", ""),
        ("string", "a\0é🛬", "a\0é🛬"),
        ("bytes", b"\x00\xff", "\\x00\\xFF"),
        (["null", "string"], None, None),
        (["null", "long"], 7, "7"),
        ("boolean", True, True),
    ],
)
def test_avro_value_keeps_every_digit(kind: Any, stored: Any, text: str | bool | None) -> None:
    """Numbers as they were stored, null apart from empty."""
    assert decoded(kind, stored) == text


@pytest.mark.parametrize(
    ("kind", "name", "stored", "text"),
    [
        ("int", "date", -719162, "0001-01-01"),
        ("int", "date", 2932896, "9999-12-31"),
        ("int", "time-millis", 86_399_999, "23:59:59.999"),
        ("long", "time-micros", 1, "00:00:00.000001"),
        ("long", "timestamp-millis", -1, "1969-12-31 23:59:59.999+00:00"),
        ("long", "timestamp-micros", 253402300799999999, "9999-12-31 23:59:59.999999+00:00"),
        ("long", "timestamp-nanos", 1, "1970-01-01 00:00:00.000000001+00:00"),
        ("long", "local-timestamp-millis", 1362904200000, "2013-03-10 08:30:00"),
        ("long", "local-timestamp-micros", 1, "1970-01-01 00:00:00.000001"),
        ("string", "uuid", "A0EE", "A0EE"),
        ("long", "no-such-type", 5, "5"),
    ],
)
def test_avro_instants_come_from_the_stored_number(
    kind: str, name: str, stored: Any, text: str
) -> None:
    """To the last nanosecond, from year 1 to year 9999."""
    assert decoded(logical(kind, name), stored, kind) == text


@pytest.mark.parametrize("text", ["0.00", "-0.01", "123456789012345678901234567890123456.78"])
def test_avro_decimals_are_exact_even_beyond_their_precision(text: str) -> None:
    """A producer's number of more digits than its schema says is not rounded."""
    unscaled = int(Decimal(text).scaleb(2, __import__("decimal").Context(prec=60)))
    stored = unscaled.to_bytes(17, "big", signed=True)
    assert decoded(logical("bytes", "decimal", precision=10, scale=2), stored, "bytes") == text


def test_avro_fixed_holds_a_decimal() -> None:
    """It is read like one of bytes."""
    fixed = {"type": "fixed", "name": "D", "size": 2}
    kind = {**fixed, "logicalType": "decimal", "precision": 4, "scale": 3}
    assert decoded(kind, b"\xff\xff", fixed) == "-0.001"


def test_avro_nested_values_stay_exact_json() -> None:
    """Numbers inside lists, maps, records keep their digits."""
    kind = record(("list", {"type": "array", "items": "long"}), name="In")
    mapped = {"type": "map", "values": kind}
    found = decoded(mapped, {"a": {"list": [2**60, 1]}})
    assert written(found) == '{"a":{"list":[1152921504606846976,1]}}'


def test_avro_date_outside_the_calendar_is_refused() -> None:
    """The lake has no such day."""
    with pytest.raises(UnreadableMessageError, match="before year 1 or after 9999"):
        decoded(logical("int", "date"), 2932897, "int")


def test_avro_value_of_another_length_is_refused() -> None:
    """Bytes too few, bytes too many."""
    decode = avro_decoder(SchemaText(json.dumps(record(("v", "string")))))
    whole = avro(1, record(("v", "string")), {"v": "abc"})[HEAD:]
    for broken in (b"", whole[:-1], b"\xff" * 12):
        with pytest.raises(UnreadableMessageError, match="is no Avro of its schema"):
            decode(broken)
    with pytest.raises(UnreadableMessageError, match="is longer than"):
        decode(whole + b"\0")


@pytest.mark.parametrize("text", ["{", "[]x", '"nothing"', '{"type": "record"}'])
def test_avro_schema_that_is_none_is_refused(text: str) -> None:
    """The message goes to quarantine with that reason."""
    with pytest.raises(UnreadableMessageError, match="is no Avro schema"):
        avro_decoder(SchemaText(text))


@pytest.mark.parametrize(
    "items",
    [
        "null",
        record(name="Nothing"),
        record(("a", "null"), name="Nothing"),
        {"type": "fixed", "name": "F", "size": 0},
    ],
)
def test_avro_list_that_could_grow_without_bytes_is_refused(items: Any) -> None:
    """Ten bytes cannot ask for a thousand million items."""
    kind = record(("deep", ["null", record(("v", {"type": "array", "items": items}), name="In")]))
    with pytest.raises(UnreadableMessageError, match="items that take no bytes"):
        avro_decoder(SchemaText(json.dumps(kind)))


def test_avro_value_that_is_no_record_is_refused() -> None:
    """Columns need names."""
    with pytest.raises(UnreadableMessageError, match="is no Avro record"):
        avro_decoder(SchemaText('"long"'))(b"\x02")


def test_avro_record_may_hold_itself() -> None:
    """A list of its own kind ends somewhere."""
    kind = record(("next", ["null", "Thing"]), ("all", {"type": "array", "items": "Thing"}))
    value = avro(1, kind, {"next": {"next": None, "all": []}, "all": []})[HEAD:]
    found = avro_decoder(SchemaText(json.dumps(kind)))(value)
    assert found == {"next": {"next": None, "all": []}, "all": []}


def test_avro_schema_may_need_another() -> None:
    """A type of another subject."""
    inner = record(("a", "long"), name="In")
    outer = record(("v", "In"))
    value = avro(1, record(("v", inner)), {"v": {"a": 3}})[HEAD:]
    decode = avro_decoder(SchemaText(json.dumps(outer), (("In", json.dumps(inner)),)))
    assert decode(value) == {"v": {"a": "3"}}
