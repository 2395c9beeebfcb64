"""Protobuf values become exact text, whatever lies in them; nothing that is broken passes."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, duration_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from tests.watermain.source.registry import Field, message, proto
from watermain.source.kafka.protobuf_values import protobuf_decoder
from watermain.source.kafka.schema_registry import SchemaText, UnreadableMessageError

File = descriptor_pb2.FileDescriptorProto


def text_of(file: File) -> str:
    """A file as the registry tells it."""
    return base64.b64encode(file.SerializeToString()).decode()


def built(file: File, name: str = "Thing", *needs: File) -> Any:
    """The class of a message, as a producer has it."""
    pool = DescriptorPool()
    for each in (timestamp_pb2, wrappers_pb2, duration_pb2):
        pool.AddSerializedFile(each.DESCRIPTOR.serialized_pb)
    for other in (*needs, file):
        pool.AddSerializedFile(other.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"shop.{name}"))


def read(file: File, value: Any, indexes: bytes = b"\0") -> dict[str, Any]:
    """Decode a message by its file."""
    return protobuf_decoder(SchemaText(text_of(file)))(indexes + value.SerializeToString())


def test_protobuf_scalars_keep_every_digit() -> None:
    """Signed, unsigned, floats, bytes, truth."""
    file = proto()
    message(
        file,
        "Thing",
        a=Field.TYPE_INT64,
        b=Field.TYPE_UINT64,
        c=Field.TYPE_DOUBLE,
        d=Field.TYPE_BYTES,
        e=Field.TYPE_BOOL,
        f=Field.TYPE_STRING,
        g=Field.TYPE_SINT32,
    )
    value = built(file)(a=-(2**63), b=2**64 - 1, c=0.1, d=b"\x00\xff", e=True, f="é\0", g=-1)
    assert read(file, value) == {
        "a": "-9223372036854775808",
        "b": "18446744073709551615",
        "c": "0.1",
        "d": "\\x00\\xFF",
        "e": True,
        "f": "é\0",
        "g": "-1",
    }


def test_protobuf_null_is_what_can_be_told_apart() -> None:
    """A message, a wrapper, an `optional` field may be unset; a bare number is 0."""
    file = proto("things.proto", "google/protobuf/wrappers.proto")
    made = message(
        file,
        "Thing",
        bare=Field.TYPE_INT64,
        wrapped=".google.protobuf.Int64Value",
        maybe=Field.TYPE_INT64,
    )
    made.oneof_decl.add(name="_maybe")
    made.field[2].oneof_index, made.field[2].proto3_optional = 0, True
    kind = built(file)
    assert read(file, kind()) == {"bare": "0", "wrapped": None, "maybe": None}
    given = kind(maybe=0, wrapped={"value": 7})
    assert read(file, given) == {"bare": "0", "wrapped": "7", "maybe": "0"}


def test_protobuf_instants_keep_nanoseconds() -> None:
    """A timestamp before 1970 as well."""
    file = proto("things.proto", "google/protobuf/timestamp.proto")
    message(file, "Thing", at=".google.protobuf.Timestamp")
    value = built(file)()
    value.at.seconds, value.at.nanos = -1, 1
    assert read(file, value)["at"] == "1969-12-31 23:59:59.000000001+00:00"
    value.at.seconds = 10**12
    with pytest.raises(UnreadableMessageError, match="before year 1 or after 9999"):
        read(file, value)


def test_protobuf_decimal_of_the_registry_is_exact() -> None:
    """Its file is known without being told of."""
    decimal = File(name="confluent/type/decimal.proto", package="confluent.type", syntax="proto3")
    made = decimal.message_type.add(name="Decimal")
    kinds = {"value": Field.TYPE_BYTES, "precision": Field.TYPE_UINT32, "scale": Field.TYPE_INT32}
    for number, (name, kind) in enumerate(kinds.items(), 1):
        made.field.add(name=name, number=number, type=kind, label=Field.LABEL_OPTIONAL)
    file = proto("things.proto", "confluent/type/decimal.proto", "confluent/meta.proto")
    message(file, "Thing", fee=".confluent.type.Decimal")
    plain = File.FromString(file.SerializeToString())
    del plain.dependency[1]
    value = built(plain, "Thing", decimal)()
    value.fee.value, value.fee.scale = (-(10**37) - 1).to_bytes(16, "big", signed=True), 18
    assert read(file, value) == {"fee": "-10000000000000000000.000000000000000001"}


def test_protobuf_lists_maps_enums_are_told() -> None:
    """An enum by its name, by its number where it has none."""
    file = proto()
    kind = file.enum_type.add(name="Kind")
    kind.value.add(name="NONE", number=0)
    kind.value.add(name="JET", number=1)
    made = message(file, "Thing", kinds=Field.TYPE_INT64, by=".shop.Thing.ByEntry")
    made.field[0].type, made.field[0].type_name = Field.TYPE_ENUM, ".shop.Kind"
    made.field[0].label = made.field[1].label = Field.LABEL_REPEATED
    entry = made.nested_type.add(name="ByEntry")
    entry.field.add(name="key", number=1, type=Field.TYPE_INT64, label=Field.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=Field.TYPE_INT64, label=Field.LABEL_OPTIONAL)
    entry.options.map_entry = True
    value = built(file)(kinds=[1, 9], by={3: 4})
    assert read(file, value) == {"kinds": ["JET", "9"], "by": {"3": "4"}}


def test_protobuf_type_is_chosen_by_its_indexes() -> None:
    """The second message, then the first one nested in it."""
    file = proto()
    message(file, "First", a=Field.TYPE_STRING)
    second = message(file, "Second", b=Field.TYPE_STRING)
    inner = second.nested_type.add(name="Inner")
    inner.field.add(name="c", number=1, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    value = built(file, "First")(a="x")
    assert read(file, value) == {"a": "x"}
    assert read(file, value, b"\x02\x00") == {"a": "x"}
    assert read(file, value, b"\x02\x02") == {"b": "x"}
    assert read(file, value, b"\x04\x02\x00") == {"c": "x"}
    for broken in (b"\x02\x04", b"\x04\x00\x00", b"\x02\x01"):
        with pytest.raises(UnreadableMessageError, match="which its schema does not have"):
            read(file, value, broken)
    for broken in (b"\xff" * 12, b"\x80", b"\x01"):
        with pytest.raises(UnreadableMessageError, match="does not say its type"):
            protobuf_decoder(SchemaText(text_of(file)))(broken)


def test_protobuf_that_is_cut_is_refused() -> None:
    """Half a message is none."""
    file = proto()
    message(file, "Thing", a=Field.TYPE_STRING)
    value = built(file)(a="long enough").SerializeToString()
    with pytest.raises(UnreadableMessageError, match="is no Protobuf of its schema"):
        protobuf_decoder(SchemaText(text_of(file)))(b"\0" + value[:-2])


def test_protobuf_file_may_import_another() -> None:
    """It comes with the schema; one that does not is named."""
    other = proto("other.proto")
    message(other, "Other", a=Field.TYPE_STRING)
    file = proto("things.proto", "other.proto")
    message(file, "Thing", v=".shop.Other")
    value = built(file, "Thing", other)()
    value.v.a = "x"
    told = b"\0" + value.SerializeToString()
    decode = protobuf_decoder(SchemaText(text_of(file), (("other.proto", text_of(other)),)))
    assert decode(told) == {"v": {"a": "x"}}
    with pytest.raises(UnreadableMessageError, match=r"needs other\.proto, which nobody gives"):
        protobuf_decoder(SchemaText(text_of(file)))


@pytest.mark.parametrize("text", ["{", "AAAA", "", 'syntax = "proto3";'])
def test_protobuf_schema_that_is_none_is_refused(text: str) -> None:
    """The message goes to quarantine with that reason."""
    with pytest.raises(UnreadableMessageError):
        protobuf_decoder(SchemaText(text))(b"\0")


@pytest.mark.parametrize(
    ("name", "seconds", "nanos"),
    [
        ("Timestamp", 1, -1),
        ("Timestamp", 1, 10**9),
        ("Duration", 1, -1),
        ("Duration", -1, 1),
        ("Duration", 0, -(10**9)),
    ],
)
def test_protobuf_nanoseconds_out_of_their_bounds_are_refused(
    name: str, seconds: int, nanos: int
) -> None:
    """They would be told as another second."""
    file = proto("things.proto", f"google/protobuf/{name.lower()}.proto")
    message(file, "Thing", a=f".google.protobuf.{name}")
    value = built(file)()
    value.a.seconds, value.a.nanos = seconds, nanos
    with pytest.raises(UnreadableMessageError, match=f"{seconds} seconds with {nanos} nanoseconds"):
        read(file, value)
