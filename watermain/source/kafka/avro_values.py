"""The reading of Avro values into trees of text, exactly.

Source: Avro 1.12, "Logical Types". Each is renamed before the library sees it, so that the text
comes from the stored number itself, not through a date or a decimal of fewer digits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import fastavro
from fastavro import _read_py
from fastavro.read import LOGICAL_READERS

from watermain.source.avro_budget import RecordReading
from watermain.source.kafka.schema_registry import Decode, SchemaText, Tree, UnreadableMessageError
from watermain.source.poison import UnreadableRecordError
from watermain.source.text.exact_text import (
    bytes_text,
    clock_text,
    day_text,
    decimal_text,
    float_text,
    instant_text,
)
from watermain.source.text.json_text import Number

_OURS = "watermain-"
_PER_SECOND = {"millis": 10**3, "micros": 10**6, "nanos": 10**9}
_CONTAINERS = {"array": "items", "map": "values"}


def _decimal(data: bytes, schema: Mapping[str, Any], _: object = None) -> Number:
    return decimal_text(data, int(schema.get("scale", 0)))


def _logical() -> dict[str, Callable[..., object]]:
    readers: dict[str, Callable[..., object]] = {
        f"bytes-{_OURS}decimal": _decimal,
        f"fixed-{_OURS}decimal": _decimal,
        f"int-{_OURS}date": lambda data, *_: day_text(data),
        f"int-{_OURS}time-millis": lambda data, *_: clock_text(data, 10**3),
        f"long-{_OURS}time-micros": lambda data, *_: clock_text(data, 10**6),
    }
    for unit, ticks in _PER_SECOND.items():
        for prefix, zone in (("timestamp", "+00:00"), ("local-timestamp", "")):
            readers[f"long-{_OURS}{prefix}-{unit}"] = partial(_instant, ticks, zone)
    return readers


def _instant(ticks: int, zone: str, data: int, *_: object) -> str:
    return instant_text(data, ticks, zone)


def avro_decoder(written: SchemaText) -> Decode:
    """Make the decoder of a schema. Raises: UnreadableMessageError."""
    LOGICAL_READERS.update(_logical())
    _read_py.LOGICAL_READERS.update(_logical())
    names: dict[str, Any] = {}
    try:
        for _, text in written.needs:
            fastavro.parse_schema(_renamed(json.loads(text)), names)
        schema = fastavro.parse_schema(_renamed(json.loads(written.text)), names)
        for each in names.values():
            _refuse_bombs(each, names)
        _refuse_bombs(schema, names)
    except UnreadableMessageError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, fastavro.schema.SchemaParseException):
        raise UnreadableMessageError("is no Avro schema") from None
    return partial(_decoded, RecordReading(schema, names))


def _decoded(reading: RecordReading, value: bytes) -> Tree:
    data = reading.opened(value)
    try:
        found = reading.record(data)
        tree = _tree(found)
    except UnreadableRecordError as error:
        raise UnreadableMessageError(str(error)) from None
    except OverflowError:
        raise UnreadableMessageError("holds a date before year 1 or after 9999") from None
    except (EOFError, ValueError, IndexError, KeyError, TypeError, RecursionError, MemoryError):
        raise UnreadableMessageError("is no Avro of its schema") from None
    if data.tell() != len(value):
        raise UnreadableMessageError("is longer than its Avro schema says")
    if not isinstance(tree, dict):
        raise UnreadableMessageError("is no Avro record")
    return tree


def _tree(value: Any) -> Any:
    """Turn numbers and bytes into text; leave text, truth and null as they are."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return Number(value)
        case float():
            return float_text(value)
        case bytes():
            return bytes_text(value)
        case dict():
            return {name: _tree(each) for name, each in value.items()}
        case _:
            return [_tree(each) for each in value]


def _renamed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_renamed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    given = {
        name: _renamed(each) if name in ("type", "items", "values", "fields") else each
        for name, each in schema.items()
    }
    logical = given.get("logicalType")
    if isinstance(logical, str):
        given["logicalType"] = _OURS + logical
    return given


def _refuse_bombs(schema: Any, names: Mapping[str, Any]) -> None:
    """Refuse a list whose items take no bytes: a few bytes could claim any number of them."""
    match schema:
        case list():
            for each in schema:
                _refuse_bombs(each, names)
        case {"type": "array", "items": items} if _is_empty(items, names, ()):
            raise UnreadableMessageError("has a list of items that take no bytes")
        case {"type": "array" | "map" as kind}:
            _refuse_bombs(schema[_CONTAINERS[kind]], names)
        case {"fields": fields}:
            for each in fields:
                _refuse_bombs(each["type"], names)


def _is_empty(schema: Any, names: Mapping[str, Any], above: tuple[str, ...]) -> bool:
    """Say whether a value takes no bytes; one inside itself never ends and so does not count."""
    match schema:
        case str() if schema in names and schema not in above:
            return _is_empty(names[schema], names, (*above, schema))
        case "null" | {"type": "null"}:
            return True
        case {"type": "fixed", "size": size}:
            return int(size) == 0
        case {"fields": fields}:
            return all(_is_empty(each["type"], names, above) for each in fields)
    return False
