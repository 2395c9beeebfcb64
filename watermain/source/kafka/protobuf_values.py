"""The reading of Protobuf values into trees of text, exactly.

Source: the registry gives descriptors in base64 when asked for `format=serialized`; in front of
a message lie the indexes of its type, as zigzag numbers, or a single 0 for the first one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from watermain.source.kafka.schema_registry import Decode, SchemaText, Tree, UnreadableMessageError
from watermain.source.text.exact_text import bytes_text, decimal_text, float_text, instant_text
from watermain.source.text.json_text import Number

_KNOWN = (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
_MOST_INDEXES = 32
_BILLION = 10**9
_BITS, _MORE, _MOST_BITS = 0x7F, 0x80, 63
_WRAPPERS = frozenset(wrappers_pb2.DESCRIPTOR.message_types_by_name)
_REAL = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def protobuf_decoder(written: SchemaText) -> Decode:
    """Make the decoder of a schema. Raises: UnreadableMessageError."""
    files = {each.DESCRIPTOR.name: _proto(each.DESCRIPTOR.serialized_pb) for each in _KNOWN}
    files |= {each.name: each for each in _confluent()}
    pool = DescriptorPool()
    try:
        for name, text in written.needs:
            files[name] = _proto(base64.b64decode(text, validate=True), name)
        main = _proto(base64.b64decode(written.text, validate=True))
        main.name = main.name or "message.proto"
        _add(pool, main, files, set())
        types = list(pool.FindFileByName(main.name).message_types_by_name.values())
    except KeyError as error:
        raise UnreadableMessageError(f"needs {error.args[0]}, which nobody gives") from None
    except (binascii.Error, DecodeError, TypeError, ValueError, RecursionError):
        raise UnreadableMessageError("is no Protobuf descriptor") from None
    return partial(_decoded, types)


def _proto(data: bytes, name: str = "") -> descriptor_pb2.FileDescriptorProto:
    found = descriptor_pb2.FileDescriptorProto.FromString(data)
    if name:
        found.name = name
    return found


def _add(
    pool: DescriptorPool,
    file: descriptor_pb2.FileDescriptorProto,
    files: dict[str, descriptor_pb2.FileDescriptorProto],
    added: set[str],
) -> None:
    """Add a file behind those that it imports."""
    added.add(file.name)
    for name in file.dependency:
        if name not in added:
            _add(pool, files[name], files, added)
    pool.AddSerializedFile(file.SerializeToString())


def _confluent() -> list[descriptor_pb2.FileDescriptorProto]:
    """The files that every registry knows without telling of them."""
    kinds = descriptor_pb2.FieldDescriptorProto
    decimal = descriptor_pb2.FileDescriptorProto(
        name="confluent/type/decimal.proto", package="confluent.type", syntax="proto3"
    )
    message = decimal.message_type.add(name="Decimal")
    fields = {"value": kinds.TYPE_BYTES, "precision": kinds.TYPE_UINT32, "scale": kinds.TYPE_INT32}
    for number, (name, kind) in enumerate(fields.items(), 1):
        message.field.add(name=name, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    meta = descriptor_pb2.FileDescriptorProto(name="confluent/meta.proto", package="confluent")
    return [decimal, meta]


def _decoded(types: list[Descriptor], value: bytes) -> Tree:
    path, begin = _indexes(value)
    level, chosen = types, None
    for index in path:
        if not 0 <= index < len(level):
            raise UnreadableMessageError(f"names type {path}, which its schema does not have")
        chosen = level[index]
        level = list(chosen.nested_types)
    assert chosen is not None
    try:
        return _tree(GetMessageClass(chosen).FromString(value[begin:]))
    except OverflowError:
        raise UnreadableMessageError("holds a date before year 1 or after 9999") from None
    except (DecodeError, RecursionError):
        raise UnreadableMessageError("is no Protobuf of its schema") from None


def _indexes(value: bytes) -> tuple[list[int], int]:
    """Read which of the schema's types the message has and where the message begins."""
    count, at = _zigzag(value, 0)
    if not 0 <= count <= _MOST_INDEXES:
        raise UnreadableMessageError("does not say its type")
    path = []
    for _ in range(count):
        index, at = _zigzag(value, at)
        path.append(index)
    return path or [0], at


def _zigzag(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(value) and shift < _MOST_BITS:
        number |= (value[at] & _BITS) << shift
        at, shift = at + 1, shift + 7
        if not value[at - 1] & _MORE:
            return (number >> 1) ^ -(number & 1), at
    raise UnreadableMessageError("does not say its type")


def _tree(message: Message) -> Tree:
    """Turn a message into a tree; what was not set is null where one can tell."""
    return {each.name: _field(message, each) for each in message.DESCRIPTOR.fields}


def _field(message: Message, field: FieldDescriptor) -> Any:
    if field.has_presence and not message.HasField(field.name):
        return None
    value = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        inner = kind.fields_by_name["value"]
        return {_key(key): _value(value[key], inner) for key in value}
    if field.is_repeated:
        return [_value(each, field) for each in value]
    return _value(value, field)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _value(value: Any, field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        special = _SPECIAL.get(field.message_type.full_name)
        if special is not None:
            return special(value)
        return _tree(value)
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return Number(value) if named is None else named.name
    if field.cpp_type in _REAL:
        return float_text(value)
    if isinstance(value, bytes):
        return bytes_text(value)
    return value if isinstance(value, bool | str) else Number(value)


def _wrapped(message: Any) -> Any:
    return _value(message.value, message.DESCRIPTOR.fields_by_name["value"])


def _ticks(message: Any, *, signed: bool = False) -> int:
    """Nanoseconds of an instant or of a duration, whose two parts have one sign."""
    seconds, nanos = int(message.seconds), int(message.nanos)
    is_fit = seconds * nanos >= 0 and abs(nanos) < _BILLION if signed else 0 <= nanos < _BILLION
    if not is_fit:
        raise UnreadableMessageError(f"holds {seconds} seconds with {nanos} nanoseconds")
    return seconds * _BILLION + nanos


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "google.protobuf.Timestamp": lambda m: instant_text(_ticks(m), _BILLION),
    "google.protobuf.Duration": lambda m: decimal_text(
        _ticks(m, signed=True).to_bytes(16, "big", signed=True), 9
    ),
    "confluent.type.Decimal": lambda m: decimal_text(m.value, m.scale),
    **{f"google.protobuf.{name}": _wrapped for name in _WRAPPERS},
}
