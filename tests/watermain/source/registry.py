"""A schema registry for tests, with writers of what Kafka producers send."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import fastavro
from google.protobuf import descriptor_pb2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Field = descriptor_pb2.FieldDescriptorProto


@dataclass
class Registry:
    """Give schemas by id, by subject with version; `broken` is a status that it answers instead."""

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: int = 0
    password: str | None = None

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/schemas/ids/{id:int}", self.by_id),
                Route("/subjects/{subject:path}/versions/{version:int}", self.by_subject),
            ]
        )

    def avro(self, schema: Any, references: list[dict] | None = None) -> int:
        """Register an Avro schema; give its id."""
        return self._kept({"schema": json.dumps(schema), "references": references or []})

    def protobuf(self, file: descriptor_pb2.FileDescriptorProto, references: Any = ()) -> int:
        """Register a Protobuf file; give its id."""
        told = base64.b64encode(file.SerializeToString()).decode()
        return self._kept(
            {"schema": told, "schemaType": "PROTOBUF", "references": list(references)}
        )

    def _kept(self, answer: dict[str, Any]) -> int:
        number = len(self.schemas) + 1
        self.schemas[number] = answer
        return number

    async def by_id(self, request: Request) -> Response:
        """Answer what a schema id means."""
        return self._answer(request, self.schemas.get(request.path_params["id"]))

    async def by_subject(self, request: Request) -> Response:
        """Answer what a version of a subject is."""
        asked = (request.path_params["subject"], request.path_params["version"])
        return self._answer(request, self.subjects.get(asked))

    def _answer(self, request: Request, found: dict[str, Any] | None) -> Response:
        self.asked.append(request.url.path)
        shown = request.headers.get("authorization", "")
        wanted = base64.b64encode(f"reader:{self.password}".encode()).decode()
        if self.password is not None and shown != f"Basic {wanted}":
            return JSONResponse({"error_code": 40101}, 401)
        if self.broken:
            return Response("no", self.broken)
        if found is None:
            return JSONResponse({"error_code": 40403, "message": "Schema not found"}, 404)
        assert (request.query_params.get("format") == "serialized") is ("schemaType" in found)
        return JSONResponse(found)


def framed(number: int, body: bytes) -> bytes:
    """Put the id of a schema in front."""
    return b"\0" + number.to_bytes(4, "big") + body


def avro(number: int, schema: Any, row: Any) -> bytes:
    """Write a value as a producer of Avro does."""
    data = BytesIO()
    fastavro.schemaless_writer(data, fastavro.parse_schema(schema), row)
    return framed(number, data.getvalue())


def record(*fields: tuple[str, Any], name: str = "Thing") -> dict[str, Any]:
    """An Avro record."""
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def message(
    file: descriptor_pb2.FileDescriptorProto, name: str, **fields: int | str
) -> descriptor_pb2.DescriptorProto:
    """Add a message to a file: its fields by type, those of messages by their full names."""
    made = file.message_type.add(name=name)
    for number, (each, kind) in enumerate(fields.items(), 1):
        added = made.field.add(name=each, number=number, label=Field.LABEL_OPTIONAL)
        if isinstance(kind, str):
            added.type, added.type_name = Field.TYPE_MESSAGE, kind
        else:
            added.type = Field.Type.ValueType(kind)
    return made


def proto(name: str = "things.proto", *needs: str) -> descriptor_pb2.FileDescriptorProto:
    """An empty file of Protobuf 3."""
    return descriptor_pb2.FileDescriptorProto(
        name=name, package="shop", syntax="proto3", dependency=needs
    )
