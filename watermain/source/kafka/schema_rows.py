"""The reader of messages whose schemas lie in a registry, into columns of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from watermain.machine.extras import need
from watermain.source.delivery import Caps
from watermain.source.kafka.schema_registry import (
    HEAD,
    Decode,
    RegistryAsking,
    SchemaRegistry,
    SchemaText,
    UnreadableMessageError,
    schema_id,
)
from watermain.source.text.json_rows import JsonMessages
from watermain.source.text.json_text import written


def opened(format: str, asking: RegistryAsking, declared: str) -> SchemaRegistry:
    """Open the registry that has the schemas of a format.

    Raises: MissingExtraError.
    """
    compiled = _avro(declared) if format == "avro" else _protobuf()
    return SchemaRegistry(asking, compiled, kind=format.upper(), declared=declared)


def _avro(declared: str) -> Callable[[SchemaText], Decode]:
    need("avro", declared=declared)
    from watermain.source.kafka.avro_values import avro_decoder

    return avro_decoder


def _protobuf() -> Callable[[SchemaText], Decode]:
    from watermain.source.kafka.protobuf_values import protobuf_decoder

    return protobuf_decoder


class SchemaRows(JsonMessages):
    """Decode messages, each by the schema that it names, into the declared columns.

    Guarantees: fields are found by their names, whatever schema each message was written with,
    and one that its schema does not have is null.
    """

    def __init__(
        self,
        columns: Sequence[str],
        fields: Mapping[str, str],
        caps: Caps,
        registry: SchemaRegistry,
        *,
        keeps_extra: bool = False,
    ) -> None:
        super().__init__(columns, fields, caps, keeps_extra=keeps_extra)
        self.registry = registry

    def _objects(
        self, values: Sequence[bytes | None]
    ) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
        objects: dict[int, dict[str, Any]] = {}
        refused: dict[int, str] = {}
        for at, value in enumerate(values):
            if value is None:
                refused[at] = "has no value: a tombstone"
            elif len(value) > self.caps.row_bytes:
                refused[at] = f"is longer than {self.caps.row_bytes} bytes"
            else:
                try:
                    objects[at] = self._decoded(value)
                except UnreadableMessageError as error:
                    refused[at] = str(error)
        return objects, refused

    def _decoded(self, value: bytes) -> dict[str, Any]:
        found = self.registry.decoder(schema_id(value))
        if isinstance(found, str):
            raise UnreadableMessageError(found)
        return found(value[HEAD:])

    def _text(self, value: Any, message: bytes | None, path: tuple[str, ...]) -> str | None:
        """Write a value as text; one that is nested became text exactly when it was decoded."""
        if isinstance(value, bool | dict | list):
            return written(value)
        return None if value is None else str(value)
