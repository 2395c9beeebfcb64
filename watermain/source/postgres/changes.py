"""The gathering of one table's changes into rows, transaction by transaction."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from watermain.declare.errors import SourceError
from watermain.declare.outside.source import Postgres
from watermain.source.extra import packed_columns
from watermain.source.postgres import pgoutput
from watermain.source.postgres.pgoutput import Ints, PartialRowError, Relation
from watermain.source.postgres.publication import SourceTable
from watermain.source.protocol import Shape
from watermain.source.spill import Spill

_ORDER = ("_op", "_lsn", "_commit_at", "_xid", "_seq")  # a batch's; its hash tells of it
CHANGE_COLUMNS = pa.schema([Postgres.own.field(name) for name in _ORDER])
_OPS = pa.array(["i", "u", "d", "t"])
EPOCH_US = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_CHUNK_BYTES = 8 * 2**20
_BEGIN = struct.Struct(">QqI")
_OID = struct.Struct(">I")


def change_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Describe captured rows: the declared columns as text, and then the change columns."""
    return pa.schema([*((name, pa.string()) for name in columns), *CHANGE_COLUMNS])


@dataclass(frozen=True)
class _Transaction:
    """Hold what one BEGIN says and the place of its first message in the chunk."""

    first: int
    lsn: int
    at: int
    xid: int


class Changes:
    """Gather the changes of one table, a chunk of messages at a time, in commit order.

    Guarantees: `position` is the end of the last whole transaction of any table; `inside` tells
    that another has begun; and `_seq` numbers the rows of one transaction from 1.
    """

    def __init__(self, table: SourceTable, slot: str, shape: Shape, spill: Spill) -> None:
        self.table, self.slot, self.shape, self.spill = table, slot, shape, spill
        self.position = self.count = self.bytes = 0
        self.inside = False
        self.unknown_columns: tuple[str, ...] = ()
        self._moving = {*shape.key, *([shape.partition_by] if shape.partition_by else [])}
        self._relation = Relation(-1, table.name, ())
        self._beyond: tuple[str, ...] = ()
        self._messages: list[memoryview] = []
        self._chunk_bytes = 0
        self._transactions: list[_Transaction] = []
        self._carried = 0

    def feed(self, message: memoryview) -> None:
        """Take one message of the stream. Raises: SourceError."""
        kind = message[0]
        if kind in pgoutput.CODES:
            if _OID.unpack_from(message, 1)[0] == self._relation.oid:
                self._keep(message)
        elif kind == pgoutput.BEGIN:
            self._begin(message)
        elif kind == pgoutput.COMMIT:
            self.position = struct.unpack_from(">Q", message, 10)[0]
            self.inside = False
        elif kind == pgoutput.RELATION:
            self._describe(Relation.read(message))
        elif kind == pgoutput.TRUNCATED:
            (count,) = _OID.unpack_from(message, 1)
            if self._relation.oid in struct.unpack_from(f">{count}I", message, 6):
                self._truncate()

    def taken(self) -> pa.Table | Path:
        """Give the rows of the whole transactions gathered, and then start empty again."""
        self._decode()
        self.count = self.bytes = 0
        self.unknown_columns = self._beyond
        return self.spill.taken()

    def retract(self) -> bool:
        """Drop the transaction in progress, unless part of it has been decoded already."""
        if not self._transactions or (len(self._transactions) == 1 and self._carried):
            return False
        first = self._transactions.pop().first
        self.count -= len(self._messages) - first
        del self._messages[first:]
        self.inside = False
        return True

    def _begin(self, message: memoryview) -> None:
        known, first = self._transactions, len(self._messages)
        if known and known[-1].first == first:
            known.pop()
        if not known:
            self._carried = 0
        known.append(_Transaction(first, *_BEGIN.unpack_from(message, 1)))
        self.inside = True

    def _keep(self, message: memoryview) -> None:
        size = len(message)
        self._messages.append(message)
        self.count += 1
        self.bytes += size
        self._chunk_bytes += size
        if self._chunk_bytes > _CHUNK_BYTES:
            self._decode()

    def _describe(self, relation: Relation) -> None:
        named, ours = relation.table == self.table.name, relation.oid == self.table.oid
        if not named and not ours:
            return
        if not named or not ours:
            other = f"was object {relation.oid}, which is not the table of today"
            raise self._refused(
                other if named else f"was renamed to {relation.table}",
                cure="declare what the table is now",
            )
        if missing := sorted(set(self.shape.columns) - {*relation.columns, *self._later(relation)}):
            lost = ", ".join(f"`{name}`" for name in missing)
            raise self._refused(
                f"has no column {lost}; it has {', '.join(relation.columns)}",
                cure="declare what the table is now",
            )
        self._decode()
        self._relation = relation
        known = set(self.shape.columns)
        self._beyond = tuple(sorted(set(relation.columns) - known))
        self.unknown_columns = tuple(sorted({*self._beyond, *self.unknown_columns}))

    def _later(self, relation: Relation) -> tuple[str, ...]:
        """The columns that the table gained since: null until then, unlike one taken away."""
        count = len(relation.columns)
        return self.table.columns[count:] if self.table.columns[:count] == relation.columns else ()

    def _truncate(self) -> None:
        self._decode()
        self.count += 1
        nothing = [pa.nulls(1, pa.string()) for _ in self.shape.carried]
        self._emit(nothing, np.array([pgoutput.TRUNCATE]), np.array([0]))

    def _decode(self) -> None:
        """Turn the chunk's messages into rows, and keep an open transaction open."""
        if self._messages:
            try:
                columns = self.shape.columns
                if self.shape.keeps_extra:
                    columns = (*columns, *self._beyond)
                rows = pgoutput.decoded(self._messages, self._relation, columns, self._moving)
            except PartialRowError:
                raise self._refused(
                    "sent a change without the whole old row",
                    cure=f"alter table {self.table.name} replica identity full",
                ) from None
            self._messages, self._chunk_bytes = [], 0
            self._emit(self._packed(rows.columns), rows.ops, rows.messages)
        if not self.inside:
            self._transactions, self._carried = [], 0

    def _packed(self, columns: list[pa.Array]) -> list[pa.Array]:
        if not self.shape.keeps_extra:
            return columns
        declared, others = columns[: len(self.shape.columns)], columns[len(self.shape.columns) :]
        found = dict(zip(self._beyond, others, strict=True))
        return [*declared, packed_columns(found, len(declared[0]))]

    def _emit(self, columns: list[pa.Array], ops: Ints, messages: Ints) -> None:
        """Add the change columns; number the rows of each transaction on from where it was."""
        firsts = np.array([each.first for each in self._transactions])
        of = np.searchsorted(firsts, messages, side="right") - 1
        begins = np.searchsorted(of, np.arange(len(firsts)))
        seq = np.arange(len(ops)) - begins[of] + 1 + np.where(of == 0, self._carried, 0)
        facts = np.array([(t.lsn, t.at + EPOCH_US, t.xid) for t in self._transactions])[of].T
        extra = [
            _OPS.take(pa.array(ops)),
            pa.array(facts[0]),
            pa.array(facts[1], pa.timestamp("us", "UTC")),
            pa.array(facts[2]),
            pa.array(seq),
        ]
        self.spill.add(pa.record_batch([*columns, *extra], schema=self.spill.schema))
        latest = self._transactions[-1]
        self._carried = int(seq[-1]) if of[-1] == len(firsts) - 1 else 0
        self._transactions = [_Transaction(0, latest.lsn, latest.at, latest.xid)]

    def _refused(self, what: str, *, cure: str) -> SourceError:
        """The log keeps what was written then, and so a cure alone does not make it readable."""
        return SourceError(
            f"{self.shape.dataset}: source table {self.table.name} {what}",
            declared=self.shape.declared,
            data="what the lake has committed stands; the slot still holds the rest",
            next=f"{cure}; to read it anew: select pg_drop_replication_slot('{self.slot}')",
        )
