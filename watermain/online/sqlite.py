"""The embedded online store: one SQLite file in the data folder."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self

import pyarrow as pa

from watermain.clock import Clock, micros
from watermain.declare.errors import UnreachableSystemError
from watermain.online.lasting import NEVER, corrected, lasting, words
from watermain.online.lost import lost
from watermain.online.own_threads import OwnThreads
from watermain.online.protocol import ENTRIES, Cursor, StoredRow

BUSY_SECONDS = 30.0
SCANNED_ROWS = 20_000
DDL = f"""
create table if not exists feature_table (
    id integer primary key, name text not null unique, snapshot integer, until_us integer,
    mark text, aim_snapshot integer, aim_until_us integer
) strict;
create table if not exists online_row (
    table_id integer not null, key blob not null, event_us integer not null,
    expires_us integer not null, value blob not null, primary key (table_id, key)
) strict, without rowid;
create index if not exists online_row_expiry on online_row (table_id, expires_us)
    where expires_us < {NEVER};
"""
_PUT = """
insert into online_row (table_id, key, event_us, value, expires_us) values (?, ?, ?, ?, ?)
on conflict (table_id, key) do update
set event_us = excluded.event_us, value = excluded.value, expires_us = excluded.expires_us
where excluded.event_us >= event_us or expires_us <= ?
"""
_REPLACE = """
update online_row set event_us = ?, value = ?, expires_us = ?
where table_id = ? and key = ? and event_us = ? and expires_us > ?
"""
_REMOVE = """
delete from online_row where table_id = ? and key = ? and event_us = ? and expires_us > ?
"""
_GET = """
select event_us, value from online_row
where table_id = (select id from feature_table where name = ?) and key = ? and expires_us > ?
"""


class SqliteStore:
    """Keep rows in a file that readers and one writer share (WAL).

    Guarantees: each `put` and each `correct` is one transaction, which also moves its cursor. The
    end of a process loses nothing; the end of the machine may lose the last transactions, each
    whole.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path, self._clock = path, clock or Clock()
        self._connections = OwnThreads(self._open)
        self._marks: dict[str, str] = {}

    def begin(self, table: str, aim: Cursor, since: Cursor | None = None) -> None:
        mark = secrets.token_hex(8)
        with self._writing() as connection:
            done = connection.execute(
                "update feature_table set mark = ?, aim_snapshot = ?, aim_until_us = ?"
                " where id = ? and snapshot is ? and until_us is ?",
                (mark, *words(aim), _ident(connection, table), *words(since)),
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
            ident = self._proved(connection, table)
            done = connection.executemany(
                _PUT, ((ident, *row, now) for row in zip(*_lists(rows), strict=True))
            )
            if cursor is not None:
                connection.execute(
                    "update feature_table set snapshot = ?, until_us = ?, mark = null,"
                    " aim_snapshot = null, aim_until_us = null where id = ?",
                    (cursor.snapshot, cursor.until_us, ident),
                )
                connection.execute(
                    "delete from online_row where table_id = ? and expires_us <= ?", (ident, now)
                )
        if cursor is not None:
            self._marks.pop(table, None)
        return max(0, done.rowcount)

    def correct(self, table: str, corrections: pa.Table, ttl: timedelta | None = None) -> int:
        now = micros(self._clock.now())
        rows = corrected(corrections, ttl, now)
        with self._writing() as connection:
            ident = self._proved(connection, table)
            gone, fresh = [], []
            for key, seen_us, event_us, value, expires_us in zip(*_lists(rows), strict=True):
                where = (ident, key, seen_us, now)
                if value is None:
                    gone.append(where)
                else:
                    fresh.append((event_us, value, expires_us, *where))
            done = [connection.executemany(_REMOVE, gone), connection.executemany(_REPLACE, fresh)]
        return sum(max(0, each.rowcount) for each in done)

    def get(self, wanted: Sequence[tuple[str, bytes]]) -> list[StoredRow | None]:
        now = micros(self._clock.now())
        with self._answering() as connection:
            found = []
            for table, key in wanted:
                row = connection.execute(_GET, (table, key, now)).fetchone()
                found.append(None if row is None else StoredRow(*row))
            return found

    def scan(self, table: str) -> Iterator[pa.Table]:
        now = micros(self._clock.now())
        with self._translated(), closing(self._open()) as connection:
            rows = connection.execute(
                "select key, event_us, value from online_row where table_id ="
                " (select id from feature_table where name = ?) and expires_us > ?",
                (table, now),
            )
            while some := rows.fetchmany(SCANNED_ROWS):
                yield pa.table(
                    [
                        pa.array(each, t)
                        for each, t in zip(zip(*some, strict=True), ENTRIES.types, strict=True)
                    ],
                    schema=ENTRIES,
                )

    def cursor(self, table: str) -> Cursor | None:
        return self._pair(table, "snapshot, until_us")

    def drop(self, table: str) -> None:
        self._marks.pop(table, None)
        with self._writing() as connection:
            ident = _ident(connection, table)
            connection.execute("delete from online_row where table_id = ?", (ident,))
            connection.execute("delete from feature_table where id = ?", (ident,))

    def close(self) -> None:
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.executescript(DDL)
        except BaseException:
            connection.close()
            raise
        return connection

    def _pair(self, table: str, columns: str) -> Cursor | None:
        with self._answering() as connection:
            row = connection.execute(
                f"select {columns} from feature_table where name = ?", (table,)
            ).fetchone()
        return None if row is None or row[0] is None else Cursor(*row)

    def _proved(self, connection: sqlite3.Connection, table: str) -> int:
        """The number of a table that nobody else began since we did."""
        ident, mark = _ident(connection, table), self._marks.get(table)
        if mark is not None:
            (held,) = connection.execute(
                "select mark from feature_table where id = ?", (ident,)
            ).fetchone()
            if held != mark:
                del self._marks[table]
                raise lost(table)
        return ident

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Commit all of the block's changes at its end, or none of them."""
        with self._answering() as connection:
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                connection.execute("rollback")
                raise

    @contextmanager
    def _answering(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            yield self._connections.get()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UnreachableSystemError(
                f"the embedded online store does not answer: {error}",
                declared=str(self.path),
                data="its last transaction stands; everything in it can be had from the lake",
                next=f"ls -l {self.path}*  (a broken file is removed, then filled anew)",
            ) from error


def _ident(connection: sqlite3.Connection, table: str) -> int:
    """The number of a table, or a new one where it has none."""
    connection.execute(
        "insert into feature_table (name) values (?) on conflict do nothing", (table,)
    )
    (found,) = connection.execute(
        "select id from feature_table where name = ?", (table,)
    ).fetchone()
    return int(found)


def _lists(rows: pa.Table) -> list[list[object]]:
    return [column.to_pylist() for column in rows.columns]
