"""The online store in PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

import psycopg
import pyarrow as pa

from watermain.clock import Clock, micros
from watermain.online.address import StoreAddress
from watermain.online.lasting import NEVER, corrected, lasting, words
from watermain.online.lost import lost
from watermain.online.own_threads import OwnThreads
from watermain.online.protocol import ENTRIES, Cursor, StoredRow

CONNECT_SECONDS = 10
SCANNED_ROWS = 20_000
Connection = psycopg.Connection[tuple[Any, ...]]
DDL = f"""
create schema if not exists watermain_online;
create table if not exists watermain_online.feature_table (
    id int generated always as identity primary key, name text not null unique,
    snapshot bigint, until_us bigint, mark text, aim_snapshot bigint, aim_until_us bigint
);
create table if not exists watermain_online.online_row (
    table_id int not null references watermain_online.feature_table on delete cascade,
    key bytea not null, event_us bigint not null, expires_us bigint not null,
    value bytea not null, primary key (table_id, key)
);
create index if not exists online_row_expiry on watermain_online.online_row (table_id, expires_us)
    where expires_us < {NEVER};
"""
INCOMING = """
create temp table watermain_incoming (
    key bytea, seen_us bigint, event_us bigint, value bytea, expires_us bigint
) on commit delete rows
"""
_PUT = """
insert into watermain_online.online_row as r (table_id, key, event_us, expires_us, value)
select %s, key, event_us, expires_us, value from watermain_incoming order by key
on conflict (table_id, key) do update
set event_us = excluded.event_us, expires_us = excluded.expires_us, value = excluded.value
where excluded.event_us >= r.event_us or r.expires_us <= %s
"""
_REPLACE = """
update watermain_online.online_row as r
set event_us = i.event_us, expires_us = i.expires_us, value = i.value from watermain_incoming as i
where r.table_id = %s and r.key = i.key and r.event_us = i.seen_us
and r.expires_us > %s and i.value is not null
"""
_REMOVE = """
delete from watermain_online.online_row as r using watermain_incoming as i
where r.table_id = %s and r.key = i.key and r.event_us = i.seen_us
and r.expires_us > %s and i.value is null
"""
_GET = """
select w.place, r.event_us, r.value
from unnest(%s::text[], %s::bytea[]) with ordinality as w (name, key, place)
join watermain_online.feature_table as t using (name)
join watermain_online.online_row as r on r.table_id = t.id and r.key = w.key
where r.expires_us > %s
"""
_SCAN = """
select r.key, r.event_us, r.value
from watermain_online.online_row as r
join watermain_online.feature_table as t on t.id = r.table_id
where t.name = %s and r.expires_us > %s
"""


class PostgresStore:
    """Keep rows in the schema `watermain_online` of a database.

    Guarantees: each `put` and each `correct` is one transaction, which also moves its cursor.
    """

    def __init__(self, address: StoreAddress, clock: Clock | None = None) -> None:
        self._address, self._clock = address, clock or Clock()
        self._connections = OwnThreads(self._open)
        self._marks: dict[str, str] = {}

    def begin(self, table: str, aim: Cursor, since: Cursor | None = None) -> None:
        mark = secrets.token_hex(8)
        with self._writing() as connection:
            ident, _ = _locked(connection, table)
            done = connection.execute(
                "update watermain_online.feature_table"
                " set mark = %s, aim_snapshot = %s, aim_until_us = %s where id = %s"
                " and snapshot is not distinct from %s and until_us is not distinct from %s",
                (mark, *words(aim), ident, *words(since)),
            )
            if done.rowcount == 0:
                raise lost(table)
        self._marks[table] = mark

    def begun(self, table: str) -> Cursor | None:
        return self._pair(table, "aim_snapshot, aim_until_us")

    def put(
        self, table: str, entries: pa.Table, cursor: Cursor | None, ttl: timedelta | None = None
    ) -> int:
        now = micros(self._clock.now())
        rows = lasting(entries, ttl, now)
        with self._writing() as connection:
            ident, count = self._proved(connection, table), 0
            if rows.num_rows:
                _send(connection, rows)
                count = connection.execute(_PUT, (ident, now)).rowcount
            if cursor is not None:
                connection.execute(
                    "update watermain_online.feature_table set snapshot = %s, until_us = %s,"
                    " mark = null, aim_snapshot = null, aim_until_us = null where id = %s",
                    (cursor.snapshot, cursor.until_us, ident),
                )
                connection.execute(
                    "delete from watermain_online.online_row"
                    " where table_id = %s and expires_us <= %s",
                    (ident, now),
                )
        if cursor is not None:
            self._marks.pop(table, None)
        return count

    def correct(self, table: str, corrections: pa.Table, ttl: timedelta | None = None) -> int:
        now = micros(self._clock.now())
        rows = corrected(corrections, ttl, now)
        with self._writing() as connection:
            ident = self._proved(connection, table)
            _send(connection, rows)
            return sum(connection.execute(s, (ident, now)).rowcount for s in (_REMOVE, _REPLACE))

    def get(self, wanted: Sequence[tuple[str, bytes]]) -> list[StoredRow | None]:
        found: list[StoredRow | None] = [None] * len(wanted)
        tables, keys = [t for t, _ in wanted], [k for _, k in wanted]
        with self._answering() as connection, connection.cursor(binary=True) as cursor:
            cursor.execute(_GET, (tables, keys, micros(self._clock.now())))
            for place, event_us, value in cursor.fetchall():
                found[place - 1] = StoredRow(event_us, value)
        return found

    def scan(self, table: str) -> Iterator[pa.Table]:
        with (
            self._translated(),
            self._open() as connection,
            connection.transaction(),
            connection.cursor("watermain_scan", binary=True) as cursor,
        ):
            cursor.execute(_SCAN, (table, micros(self._clock.now())))
            while some := cursor.fetchmany(SCANNED_ROWS):
                columns = zip(zip(*some, strict=True), ENTRIES.types, strict=True)
                yield pa.table([pa.array(each, kind) for each, kind in columns], schema=ENTRIES)

    def cursor(self, table: str) -> Cursor | None:
        return self._pair(table, "snapshot, until_us")

    def drop(self, table: str) -> None:
        self._marks.pop(table, None)
        with self._writing() as connection:
            connection.execute(
                "delete from watermain_online.feature_table where name = %s", (table,)
            )

    def close(self) -> None:
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> Connection:
        connection = psycopg.connect(
            self._address.url, autocommit=True, connect_timeout=CONNECT_SECONDS
        )
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtext('watermain online'))")
            connection.execute(DDL)
        connection.execute(INCOMING)
        return connection

    def _pair(self, table: str, columns: str) -> Cursor | None:
        with self._answering() as connection:
            row = connection.execute(
                f"select {columns} from watermain_online.feature_table where name = %s", (table,)
            ).fetchone()
        return None if row is None or row[0] is None else Cursor(*row)

    def _proved(self, connection: Connection, table: str) -> int:
        """The number of a table, now locked, that nobody else began since we did."""
        ident, held = _locked(connection, table)
        if self._marks.get(table, held) != held:
            del self._marks[table]
            raise lost(table)
        return ident

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._answering() as connection, connection.transaction():
            yield connection

    @contextmanager
    def _answering(self) -> Iterator[Connection]:
        with self._translated():
            try:
                yield self._connections.get()
            except psycopg.Error:
                self._connections.forget()
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise self._address.unreachable(error) from None


def _locked(connection: Connection, table: str) -> tuple[int, str | None]:
    """The number of a table and who began last; no other writer until the transaction ends."""
    connection.execute(
        "insert into watermain_online.feature_table (name) values (%s) on conflict do nothing",
        (table,),
    )
    row = connection.execute(
        "select id, mark from watermain_online.feature_table where name = %s for update", (table,)
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _send(connection: Connection, rows: pa.Table) -> None:
    names = ", ".join(rows.schema.names)
    types = ["bytea" if pa.types.is_binary(kind) else "int8" for kind in rows.schema.types]
    lists = [column.to_pylist() for column in rows.columns]
    told = f"copy watermain_incoming ({names}) from stdin (format binary)"
    with connection.cursor() as cursor, cursor.copy(told) as copy:
        copy.set_types(types)
        for row in zip(*lists, strict=True):
            copy.write_row(row)
