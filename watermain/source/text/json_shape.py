"""JSON text of nested columns taken apart into texts, leaf by leaf."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from watermain.source.text.json_text import Doubled, Number, single, written

_KEY, _VALUE = "key", "value"
_MOST_ZEROS = 99
Take = Callable[[Any], Any]


class MisshapenError(Exception):
    """Report a value that does not have the shape of its type."""


def text_type(kind: pa.DataType) -> pa.DataType:
    """Give the type with a text in the place of each leaf and a list of pairs for each map."""
    if is_listed(kind):
        return pa.list_(text_type(kind.value_type))
    if pa.types.is_map(kind):
        pair = [(_KEY, text_type(kind.key_type)), (_VALUE, text_type(kind.item_type))]
        return pa.list_(pa.struct(pair))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, text_type(field.type)) for field in kind])
    return pa.string()


def is_listed(kind: pa.DataType) -> bool:
    """Whether values of the type are lists, however Arrow lays them out."""
    return (
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def shaper(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """Make the function that takes JSON texts apart.

    Shapes: as `text_type` says; null for a text that is no JSON or has another shape: an object
    where a list is declared, a field that nobody declared, or something named twice. A field that
    is left out is null, and a number is the text that it was written with.
    """
    take, shape = _taker(kind), text_type(kind)

    def shaped(texts: pa.Array) -> pa.Array:
        return pa.array([_shaped(each, take) for each in texts.to_pylist()], shape)

    return shaped


def _shaped(text: str | None, take: Take) -> Any:
    if text is None:
        return None
    try:
        found = take(
            json.loads(
                text,
                parse_float=Number,
                parse_int=Number,
                parse_constant=_no_constant,
                object_pairs_hook=single,
            )
        )
        json.dumps(found, ensure_ascii=False).encode()
    except (MisshapenError, ValueError, RecursionError):
        return None
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _taker(kind: pa.DataType) -> Take:
    if is_listed(kind):
        return _list_taker(kind)
    if pa.types.is_map(kind):
        return _map_taker(kind)
    if pa.types.is_struct(kind):
        return _struct_taker(kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _text
    return _decimal if pa.types.is_decimal(kind) else _plain


def _list_taker(kind: pa.DataType) -> Take:
    inner = _taker(kind.value_type)
    size = kind.list_size if pa.types.is_fixed_size_list(kind) else None

    def take(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list) or size not in (None, len(value)):
            raise MisshapenError
        return [inner(each) for each in value]

    return take


def _map_taker(kind: pa.DataType) -> Take:
    key, inner = _taker(kind.key_type), _taker(kind.item_type)

    def take(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or isinstance(value, Doubled):
            raise MisshapenError
        return [{_KEY: key(name), _VALUE: inner(each)} for name, each in value.items()]

    return take


def _struct_taker(kind: pa.DataType) -> Take:
    inner = {field.name: _taker(field.type) for field in kind}

    def take(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or isinstance(value, Doubled) or value.keys() - inner:
            raise MisshapenError
        return {name: each(value.get(name)) for name, each in inner.items()}

    return take


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(value) if isinstance(value, Number) else written(value)


def _plain(value: Any) -> str | None:
    if isinstance(value, dict | list):
        raise MisshapenError
    return _text(value)


def _decimal(value: Any) -> str | None:
    """A number such as `1e3` written out, which is exact."""
    if not isinstance(value, Number) or "e" not in value.lower():
        return _plain(value)
    try:
        exact = Decimal(value)
    except InvalidOperation:
        return str(value)
    exponent = exact.as_tuple().exponent
    return (
        f"{exact:f}" if isinstance(exponent, int) and abs(exponent) <= _MOST_ZEROS else str(value)
    )
