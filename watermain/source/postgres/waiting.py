"""The measure of what waits behind a replication slot."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from watermain.declare.outside.source import Postgres
from watermain.source.postgres import pgoutput
from watermain.source.postgres.changes import EPOCH_US
from watermain.source.postgres.replication import Connection
from watermain.source.protocol import Backlog

_PEEKED_MESSAGES = 10_000

_SLOT = """
select slot_name, wal_status,
       greatest(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), confirmed_flush_lsn), 0)::bigint,
       greatest(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), restart_lsn), 0)::bigint
from pg_replication_slots where slot_name ~ %s
order by length(slot_name) desc, slot_name desc limit 1
"""
_PEEK = """
select substring(data for 30) from pg_logical_slot_peek_binary_changes(
  %s, null, %s, 'proto_version', '1', 'publication_names', %s)
"""
_SIZE = "select to_regclass(%s)::oid::bigint, coalesce(pg_total_relation_size(to_regclass(%s)), 0)"


def backlog(connection: Connection, prefix: str, word: Postgres, much: int) -> Backlog:
    """Count rows while the log behind the slot is short; otherwise tell only its bytes.

    A server's log grows by more than our table, and so bytes alone would never rest at zero.
    Units: bytes of log that the server keeps for the slot, from where its oldest transaction
    that may still commit began.
    """
    table = sql.Identifier(*word.table.split(".")).as_string(None)
    oid, size = connection.execute(_SIZE, [table, table]).fetchone() or (None, 0)
    slot = connection.execute(_SLOT, [f"^{prefix}_[0-9]+$"]).fetchone()
    if slot is None or slot[1] == "lost":
        return Backlog(bytes=max(1, size))
    name, _, behind, kept = slot
    if behind == 0 or behind >= much:
        return Backlog(rows=None if behind else 0, bytes=kept)
    quoted = '"' + word.publication.replace('"', '""') + '"'
    try:
        peeked = connection.execute(_PEEK, [name, _PEEKED_MESSAGES, quoted]).fetchall()
    except psycopg.errors.ObjectInUse:
        return Backlog(bytes=kept)
    rows, oldest = _counted((row[0] for row in peeked), oid or 0)
    if not rows and len(peeked) >= _PEEKED_MESSAGES:
        return Backlog(bytes=kept)
    return Backlog(rows=rows, bytes=kept, oldest=oldest)


def _counted(messages: Iterable[bytes], oid: int) -> tuple[int, datetime | None]:
    rows, oldest, began = 0, None, 0
    for message in messages:
        kind = message[0]
        if kind == pgoutput.BEGIN:
            (began,) = struct.unpack_from(">q", message, 9)
        elif kind == pgoutput.TRUNCATED or (
            kind in pgoutput.CODES and struct.unpack_from(">I", message, 1)[0] == oid
        ):
            rows += 1
            oldest = oldest or datetime.fromtimestamp((began + EPOCH_US) / 1e6, UTC)
    return rows, oldest
