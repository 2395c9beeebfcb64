"""Words for the outside systems that raw datasets are captured from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

import pyarrow as pa

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.outside.kind import DELIVERED, LEAST_LOOK, SHARD, SourceWord

_MOST_IN_FLIGHT = 65_535
_FORMATS = ("csv", "parquet", "json", "avro")
_NESTED = ("json", "avro")
_COMPRESSIONS = ("none", "gz", "zst")


@dataclass(frozen=True, kw_only=True)
class Postgres(SourceWord):
    """Capture every change of one PostgreSQL table by logical replication.

    `publication` must hold the whole table; `slot` begins the names of the dataset's slots,
    which end in a number that grows with each new snapshot.
    Guarantees: raw keeps each insert, update, delete and truncate in commit order.
    """

    connection: str
    table: str
    publication: str = "watermain"
    slot: str = "watermain"
    kind: ClassVar[str] = "postgres"
    own: ClassVar[pa.Schema] = pa.schema(
        [
            ("_op", pa.string()),
            ("_lsn", pa.int64()),
            ("_seq", pa.int64()),
            ("_xid", pa.int64()),
            ("_commit_at", pa.timestamp("us", "UTC")),
        ]
    )
    place: ClassVar[tuple[str, ...]] = ("_lsn",)
    row_sql: ClassVar[str] = "_op <> 't'"
    whole_sql: ClassVar[str] = "_op <> 'd'"
    keys_repeat: ClassVar[bool] = True
    keeps_log: ClassVar[bool] = True
    is_live: ClassVar[bool] = True
    again: ClassVar[str] = "a new snapshot of the source brings each row as it is now, not its past"

    def __post_init__(self) -> None:
        if self.table.count(".") != 1:
            raise InvalidDeclarationError(
                f"Postgres source table {self.table!r} is not `schema.table`",
                declared=f"Postgres(connection={self.connection!r})",
                data="nothing was read",
                next="write the table with its schema, such as `public.flights`",
            )


@dataclass(frozen=True, kw_only=True)
class DroppedFiles(SourceWord):
    """What the words for dropped files have in common, wherever the files lie."""

    connection: str
    pattern: str
    format: Literal["csv", "parquet", "json", "avro"]
    compression: Literal["none", "gz", "zst"] = "none"
    fields: Mapping[str, str] = field(default_factory=dict)
    settle_for: timedelta = timedelta(seconds=5)
    look_every: timedelta = field(default=timedelta(minutes=1), repr=False)
    null: str = ""
    own: ClassVar[pa.Schema] = DELIVERED
    again: ClassVar[str] = "put the files of these batches into the drop again under other names"

    def __post_init__(self) -> None:
        word = type(self).__name__
        declared = f"{word}(connection={self.connection!r}, pattern={self.pattern!r})"
        if self.format not in _FORMATS:
            _refuse(
                f"{word} format {self.format!r} is unknown",
                declared,
                f"use one of {', '.join(f'`{name}`' for name in _FORMATS)}",
            )
        if self.compression not in _COMPRESSIONS:
            _refuse(
                f"{word} compression {self.compression!r} is unknown",
                declared,
                f"use one of {', '.join(f'`{name}`' for name in _COMPRESSIONS)}",
            )
        if self.fields and self.format not in _NESTED:
            _refuse(
                f"{word} format {self.format!r} has no nested fields",
                declared,
                "leave `fields` out, or use one of `json`, `avro`",
            )
        if self.look_every < LEAST_LOOK:
            what = f"{word} look_every {self.look_every} is too often"
            _refuse(what, declared, f"give {LEAST_LOOK} or more")
        _check_fields(self.fields, declared)


@dataclass(frozen=True, kw_only=True)
class Files(DroppedFiles):
    """Capture files dropped into a folder or under an S3-style prefix, each delivery once.

    `json` means one JSON object for each line. `fields` is as for `Kafka`, and is for
    `json` or `avro`. `compression` is that of every file which `pattern` names. A run is asked for
    when a look, every `look_every`, finds a delivery that waits.
    Guarantees: a file is read when it has been still for `settle_for`; its identity is the
    hash of its content, so a file sent again under any name is ignored.
    """

    kind: ClassVar[str] = "files"


@dataclass(frozen=True, kw_only=True)
class Sftp(DroppedFiles):
    """Capture files dropped on an SFTP server, each delivery once.

    All is as for `Files`, but the time of a file is told by the server's clock, and links are
    not followed. A look every five minutes is enough where `look_every` does not say otherwise.
    """

    look_every: timedelta = field(default=timedelta(minutes=5), repr=False)
    kind: ClassVar[str] = "sftp"
    extra: ClassVar[str] = "sftp"


@dataclass(frozen=True, kw_only=True)
class Kafka(SourceWord):
    """Capture every message of one Kafka topic, each value a JSON object or a record.

    `avro` or `protobuf` values name their schemas, which lie in the schema registry behind the
    connection `registry`. A column takes the field of its own name, or the one that `fields`
    names for it: a path whose steps are joined by dots, such as
    `{"altitude_feet": "position.altitude"}`. `group` begins the name of the consumer group that
    shows our progress to tools that measure lag. A topic that was made anew under its old name
    is refused or, with `recreated="continue"`, read from its start, behind what the lake has.
    Guarantees: numbers keep every digit; the lake decides where reading goes on, not the group.
    """

    connection: str
    topic: str
    format: Literal["json", "avro", "protobuf"] = "json"
    fields: Mapping[str, str] = field(default_factory=dict)
    group: str = "watermain"
    registry: str | None = None
    recreated: Literal["refuse", "continue"] = "refuse"
    kind: ClassVar[str] = "kafka"
    own: ClassVar[pa.Schema] = pa.schema(
        [
            ("_partition", pa.int64()),
            ("_offset", pa.int64()),
            ("_timestamp", pa.timestamp("us", "UTC")),
            ("_key", pa.string()),
            ("_headers", pa.string()),
        ]
    )
    place: ClassVar[tuple[str, ...]] = (SHARD, "_offset")
    is_live: ClassVar[bool] = True
    again: ClassVar[str] = (
        "where the broker still holds these offsets, capture them by a new dataset"
    )
    extra: ClassVar[str] = "kafka"

    def __post_init__(self) -> None:
        declared = f"Kafka(connection={self.connection!r}, topic={self.topic!r})"
        if not self.topic:
            _refuse("Kafka source names no topic", declared, "write the topic's name")
        if self.format not in ("json", "avro", "protobuf"):
            what = f"Kafka format {self.format!r} is unknown"
            _refuse(what, declared, "use one of `json`, `avro`, `protobuf`")
        if (self.format == "json") is not (self.registry is None):
            _refuse(
                f"Kafka format {self.format!r} does not go with registry {self.registry!r}",
                declared,
                "name the connection of a schema registry for `avro`, `protobuf`, none for `json`",
            )
        if self.recreated not in ("refuse", "continue"):
            what = f"Kafka recreated {self.recreated!r} is unknown"
            _refuse(what, declared, "use one of `refuse`, `continue`")
        _check_fields(self.fields, declared)

    def uses(self) -> Mapping[str, str]:
        registry = {self.registry: "registry"} if self.registry else {}
        return {self.connection: self.kind, **registry}


@dataclass(frozen=True, kw_only=True)
class Mqtt(SourceWord):
    """Capture what devices publish under one MQTT topic filter, each message a JSON object.

    `device` and `sequence` are the columns that name a message: each device numbers its own
    without holes. `fields` is as for `Kafka`. `client` begins the client id, whose session the
    broker keeps for `session` while nobody is connected. `in_flight` bounds the messages that
    the broker hands over before they are confirmed, which also bounds a batch.
    Guarantees: a message is confirmed to the broker after the lake has it, so that the broker
    sends it again until then; what was captured already is recognised by device and sequence.
    """

    connection: str
    topic: str
    device: str
    sequence: str
    fields: Mapping[str, str] = field(default_factory=dict)
    client: str = "watermain"
    session: timedelta = timedelta(days=7)
    in_flight: int = 1000
    kind: ClassVar[str] = "mqtt"
    own: ClassVar[pa.Schema] = pa.schema(
        [("_topic", pa.string()), ("_device", pa.string()), ("_sequence", pa.int64())]
    )
    place: ClassVar[tuple[str, ...]] = ("_topic", "_device", "_sequence")
    is_live: ClassVar[bool] = True
    again: ClassVar[str] = (
        "messages are gone once they are confirmed; ask the devices to send them again"
    )
    extra: ClassVar[str] = "mqtt"

    def __post_init__(self) -> None:
        declared = f"Mqtt(connection={self.connection!r}, topic={self.topic!r})"
        if not self.topic:
            _refuse("Mqtt source names no topic", declared, "write a topic filter")
        if not 1 <= self.in_flight <= _MOST_IN_FLIGHT:
            _refuse(
                f"Mqtt in_flight {self.in_flight} cannot be asked of a broker",
                declared,
                f"use 1 to {_MOST_IN_FLIGHT}",
            )
        _check_fields(self.fields, declared)


def _check_fields(fields: Mapping[str, str], declared: str) -> None:
    for column, path in fields.items():
        if not all(path.split(".")):
            _refuse(
                f"field {path!r} of column `{column}` is no path",
                declared,
                "join the names of nested fields by single dots, such as `position.altitude`",
            )


def _refuse(what: str, declared: str, next: str) -> None:
    raise InvalidDeclarationError(what, declared=declared, data="nothing was read", next=next)


@dataclass(frozen=True, kw_only=True)
class Platform(SourceWord):
    """Name a table that the platform itself appends to, such as its ledger."""

    table: str
    kind: ClassVar[str] = "platform"
    keys_repeat: ClassVar[bool] = True


Source = SourceWord
