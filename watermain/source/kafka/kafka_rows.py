"""The turning of Kafka messages into rows, with what cannot be read put aside."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from watermain.declare.outside.source import Kafka
from watermain.source.extra import EXTRA
from watermain.source.instant import instant_of
from watermain.source.kafka.schema_registry import HEAD, UnreadableMessageError, schema_id
from watermain.source.kafka.schema_rows import SchemaRows
from watermain.source.poison import Poisoned, UnreadableRecordError, sifted
from watermain.source.protocol import REJECTED
from watermain.source.text.json_rows import JsonMessages

SETTLED = timedelta(minutes=10)


def message_schema(columns: Sequence[str]) -> pa.Schema:
    """Describe captured rows: the declared columns as text, and then where each message lay."""
    return pa.schema([*((name, pa.string()) for name in columns), *Kafka.own])


class MessageRows:
    """Decode the messages of one topic.

    Guarantees: every message is a row or a reject, whose position is `topic/partition/offset`.
    Keys and headers that are not UTF-8 become `\\x` with hexadecimal digits; so does a rejected
    value that names a schema.
    """

    def __init__(self, columns: Sequence[str], values: JsonMessages) -> None:
        carried = (*columns, EXTRA) if values.keeps_extra else columns
        self.schema, self.values = message_schema(carried), values

    def read(
        self, messages: Sequence[Message], now: datetime
    ) -> tuple[pa.RecordBatch, list[dict[str, str]]]:
        """Give the rows and then the rejects.

        Raises: UnreachableSystemError for a schema that the registry does not know, when the
        message is younger than SETTLED: a producer may be ahead of the registry's copies.
        """
        if isinstance(self.values, SchemaRows):
            self._demand(messages, self.values, now - SETTLED)
        decoded = self.values.read([message.value() for message in messages])
        refused, rows = dict(decoded.refused), list[pa.RecordBatch]()
        columns = [*decoded.columns, *decoded.extra]

        def told(begin: int, end: int) -> pa.RecordBatch:
            own = _own([messages[at] for at in decoded.kept[begin:end]])
            values = [each.slice(begin, end - begin) for each in columns]
            return pa.record_batch([*values, *own], schema=self.schema)

        for part in sifted(told, 0, len(decoded.kept)):
            if isinstance(part, Poisoned):
                refused[decoded.kept[part.place]] = part.reason
            else:
                rows.append(part)
        fit = pa.Table.from_batches(rows, self.schema).combine_chunks().to_batches()
        none = pa.RecordBatch.from_pylist([], self.schema)
        return (fit[0] if fit else none), [
            self._reject(messages[at], reason) for at, reason in sorted(refused.items())
        ]

    def _demand(self, messages: Sequence[Message], values: SchemaRows, since: datetime) -> None:
        earliest = int(since.timestamp() * 1000)
        young = {
            bytes(value[:HEAD])
            for value in (m.value() for m in messages if m.timestamp()[1] >= earliest)
            if value is not None
        }
        for head in young:
            with contextlib.suppress(UnreadableMessageError):
                values.registry.demand(schema_id(head))

    def _reject(self, message: Message, reason: str) -> dict[str, str]:
        value = message.value()
        payload = b"key " + (message.key() or b"") if value is None else value
        payload = payload[: self.values.caps.payload_bytes]
        shown = payload.decode("utf-8", "backslashreplace")
        if value is not None and isinstance(self.values, SchemaRows):
            shown = "\\x" + payload.hex()
        position = f"{message.topic()}/{message.partition()}/{message.offset()}"
        return dict(zip(REJECTED.names, (position, reason, shown), strict=True))


def text_of(value: bytes | str | None) -> str | None:
    """Write bytes as the text that they are or in hexadecimal digits."""
    if value is None or isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex()


def _own(messages: Sequence[Message]) -> list[pa.Array]:
    """The columns that tell where messages lay."""
    return [
        pa.array([each.partition() for each in messages], pa.int64()),
        pa.array([each.offset() for each in messages], pa.int64()),
        pa.array([_microseconds(each) for each in messages], pa.timestamp("us", "UTC")),
        pa.array([text_of(each.key()) for each in messages], pa.string()),
        pa.array([_headers(each) for each in messages], pa.string()),
    ]


def _microseconds(message: Message) -> int | None:
    kind, milliseconds = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return None
    if far := _far(message):
        raise UnreadableRecordError(far)
    return int(milliseconds * 1000)


def _far(message: Message) -> str | None:
    """Say that a record's time is none that a calendar has."""
    kind, milliseconds = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE or instant_of(milliseconds) is not None:
        return None
    return f"has a time, {milliseconds} ms since 1970, whose year has no four digits"


def _headers(message: Message) -> str | None:
    """Write headers as an object; a name that comes more than once has a list."""
    headers: Any = message.headers()
    if not headers:
        return None
    named: dict[str, list[str | None]] = {}
    for name, value in headers:
        named.setdefault(name, []).append(text_of(value))
    flat = {name: each if len(each) > 1 else each[0] for name, each in named.items()}
    return json.dumps(flat, ensure_ascii=False)
