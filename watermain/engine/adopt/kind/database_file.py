"""The tables of a DuckDB file as they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from watermain.declare.errors import quoted
from watermain.engine.adopt.piece import Measured, Piece, TableStanding, refused
from watermain.engine.adopt.placing import delivered_at
from watermain.engine.adopt.proposal import Proposal
from watermain.engine.adopt.rows import Rows, own_engine
from watermain.engine.table.table import engine_types
from watermain.lake.lake import quote, text

WHY = "its rows lie in a DuckDB file, which is no Parquet"
_ALIAS = "outside"
_PIECE_ROWS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class DatabaseFile:
    """A DuckDB file, opened to be read alone."""

    path: Path

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """An engine with the file attached. Raises: UnadoptableTableError."""
        with own_engine() as connection:
            try:
                connection.execute(f"attach {text(str(self.path))} as {_ALIAS} (read_only)")
            except duckdb.Error as error:
                raise refused(
                    f"{self.path} cannot be opened: {str(error).splitlines()[0][:200]}",
                    str(self.path),
                    "let whoever has it open finish; or write it with DuckDB 1.x",
                ) from None
            yield connection

    def tables(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Its tables, each with its schema; views are none."""
        rows = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            f" where database_name = '{_ALIAS}' and not internal order by all"
        ).fetchall()
        return [f"{schema}.{name}" for schema, name in rows]

    def standing(
        self, connection: duckdb.DuckDBPyConnection, table: str
    ) -> tuple[TableStanding, Rows]:
        """One table, with its rows. Raises: UnadoptableTableError."""
        known = self.tables(connection)
        if table not in known:
            raise refused(
                f"there is no table {table} in {self.path}",
                str(self.path),
                f"use one of {quoted(known)}" if known else "name another file",
            )
        source = _source(table)
        try:
            schema = connection.execute(f"select * from {source} limit 0").to_arrow_table().schema
        except duckdb.Error as error:
            raise refused(
                f"{table} has a column of a type that nobody else has: {error}",
                str(self.path),
                "do without it: --leave-out",
            ) from None
        standing = TableStanding(
            kind="DuckDB",
            place=str(self.path),
            name=table.rpartition(".")[2],
            schema=schema,
            key=_primary_key(connection, table),
        )
        rows = Rows(connection=connection, relation=f"select * from {source}", by=text(table))
        return standing, rows

    def cut(
        self, connection: duckdb.DuckDBPyConnection, table: str, proposal: Proposal
    ) -> Proposal:
        """The table in pieces of bounded size, month by month where rows have event times.

        Guarantees: the same file gives the same pieces; another state of it gives others.
        """
        found = self.path.stat()
        state = hashlib.sha256(f"{found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:16]
        contract, at = proposal.contract, delivered_at(found.st_mtime_ns)
        types = engine_types(connection, contract.schema)
        columns = ", ".join(f"{quote(n)}::{kind} as {quote(n)}" for n, kind in types.items())
        event = contract.event_time
        pieces = []
        for label, where, measured in _parts(connection, table, event):
            mark = f"{self.path.name}/{table}/{label}@{state}"
            query = f"select {columns} from {_source(table)} where {where}"
            share = measured.rows / max(1, _count(connection, table))
            pieces.append(
                Piece(
                    name=f"{self.path.name}/{table}/{label}",
                    bytes=int(found.st_size * share),
                    at=at,
                    mark=mark,
                    why=WHY,
                    write=_Writing(database=self, query=query),
                    measured=measured,
                )
            )
        return replace(proposal, pieces=tuple(pieces))


@dataclass(frozen=True, kw_only=True)
class _Writing:
    """The writing of one piece, by an engine of its own."""

    database: DatabaseFile
    query: str

    def __call__(self, path: Path) -> None:
        with self.database.opened() as connection:
            connection.execute(f"copy ({self.query}) to {text(str(path))} (format parquet)")


def _parts(
    connection: duckdb.DuckDBPyConnection, table: str, event: str | None
) -> Iterator[tuple[str, str, Measured]]:
    """Each part of a table: what it is called, which rows it has, and how many."""
    source = _source(table)
    if event is None:
        (most,) = connection.execute(f"select max(rowid) from {source}").fetchone() or (None,)
        for number, begin in enumerate(range(0, (most or 0) + 1, _PIECE_ROWS)):
            where = f"rowid >= {begin} and rowid < {begin + _PIECE_ROWS}"
            yield f"{number:05d}", where, Measured(rows=_count(connection, table, where))
        return
    column = quote(event)
    months = connection.execute(
        f"select date_trunc('month', {column})::date as month, count(*), min({column}),"
        f" max({column}) from {source} group by 1 order by 1"
    ).fetchall()
    for month, count, low, high in months:
        where = f"date_trunc('month', {column})::date = {text(month.isoformat())}::date"
        yield f"{month:%Y-%m}", where, Measured(rows=count, low=low, high=high)


def _count(connection: duckdb.DuckDBPyConnection, table: str, where: str = "true") -> int:
    row = connection.execute(f"select count(*) from {_source(table)} where {where}").fetchone()
    return int(row[0]) if row else 0


def _source(table: str) -> str:
    schema, _, name = table.partition(".")
    return f"{_ALIAS}.{quote(schema)}.{quote(name)}"


def _primary_key(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str, ...]:
    """The key that the file itself keeps; it is proved like any other."""
    schema, _, name = table.partition(".")
    row = connection.execute(
        "select constraint_column_names from duckdb_constraints()"
        f" where database_name = '{_ALIAS}' and schema_name = ? and table_name = ?"
        " and constraint_type = 'PRIMARY KEY'",
        [schema, name],
    ).fetchone()
    return tuple(row[0]) if row else ()
