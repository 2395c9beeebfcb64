"""The proof that a table can be captured as declared, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from watermain.declare.errors import SourceError, quoted
from watermain.declare.outside.source import Postgres
from watermain.source.postgres.bystander import created, harm, readded
from watermain.source.postgres.replication import Connection
from watermain.source.protocol import Shape

_OLDEST_SERVER = 150_000
_SERVER = """
select current_setting('server_version_num')::int, current_setting('wal_level'),
       current_setting('server_encoding'), current_user,
       (select rolreplication or rolsuper from pg_roles where rolname = current_user)
"""
_TABLE = """
select c.oid::bigint, c.relkind::text, c.relreplident::text,
       array(select attname::text from pg_attribute
             where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum),
       array(select attname::text from pg_attribute
             where attrelid = c.oid and attnum > 0 and not attisdropped
               and has_column_privilege(c.oid, attnum, 'select'))
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s
"""
_PUBLISHED = """
select p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate,
       t.attnames::text[], t.rowfilter
from pg_publication as p left join pg_publication_tables as t
  on t.pubname = p.pubname and t.schemaname = %s and t.tablename = %s
where p.pubname = %s
"""


@dataclass(frozen=True)
class SourceTable:
    """Hold a table as the server has it now: its object id and its columns in their order.

    `visible` are the columns that are published and that the connection's role may read.
    """

    name: str
    oid: int
    columns: tuple[str, ...]
    visible: tuple[str, ...] = ()


def prove(connection: Connection, word: Postgres, shape: Shape) -> SourceTable:
    """Refuse a server, table or publication that would lose changes; give the table.

    Raises: SourceError.
    """
    row = connection.execute(_TABLE, word.table.split(".")).fetchone()
    found = (
        _server(connection)
        or _table(row, word, shape)
        or (row and harm(connection, word, shape, row[0]))
        or _identity(row, word)
        or _published(connection, word, shape, row[0] if row else 0)
    )
    if found is None and row is not None:
        published = connection.execute(_PUBLISHED, [*word.table.split("."), word.publication])
        shown = (published.fetchone() or (True, [], None))[1]
        visible = tuple(name for name in row[4] if name in shown)
        return SourceTable(word.table, row[0], tuple(row[3]), visible)
    assert found is not None
    complaint, cure = found
    raise SourceError(
        f"{shape.dataset}: {complaint}",
        declared=f"{shape.declared}  Postgres(connection={word.connection!r}, "
        f"table={word.table!r})",
        data="nothing was read",
        next=cure,
    )


def _server(connection: Connection) -> tuple[str, str] | None:
    row = connection.execute(_SERVER).fetchone()
    assert row is not None
    version, level, encoding, user, may_replicate = row
    if version < _OLDEST_SERVER:
        return f"the server is PostgreSQL {version // 10_000}", "use PostgreSQL 15 or newer"
    if level != "logical":
        return (
            f"the server's wal_level is `{level}`, not `logical`",
            "alter system set wal_level = logical; then restart the server",
        )
    if encoding == "SQL_ASCII":
        return "the database has no encoding (SQL_ASCII)", "move it to a UTF8 database"
    if not may_replicate:
        return f"role `{user}` may not replicate", f'alter role "{user}" replication'
    return None


def _table(row: tuple[Any, ...] | None, word: Postgres, shape: Shape) -> tuple[str, str] | None:
    if row is None:
        return f"there is no table {word.table}", "create it, or correct `table=`"
    _, kind, _, columns, readable = row
    if kind != "r":
        return (
            f"{word.table} is no ordinary table (relkind `{kind}`)",
            "capture ordinary tables, each partition on its own",
        )
    if lost := sorted(set(shape.columns) - set(columns)):
        return (
            f"{word.table} has no column {quoted(lost)}; it has {', '.join(columns)}",
            "correct the declared columns",
        )
    if dark := sorted(set(shape.columns) - set(readable)):
        return (
            f"{word.table}: column {quoted(dark)} may not be read",
            f"grant select on {word.table} to the role of this connection",
        )
    return None


def _identity(row: tuple[Any, ...] | None, word: Postgres) -> tuple[str, str] | None:
    if row is not None and (identity := row[2]) != "f":
        return (
            f"{word.table} does not send old rows (replica identity `{identity}`)",
            f"alter table {word.table} replica identity full",
        )
    return None


def _published(
    connection: Connection, word: Postgres, shape: Shape, oid: int
) -> tuple[str, str] | None:
    name, table = word.publication, word.table
    row = connection.execute(_PUBLISHED, [*table.split("."), name]).fetchone()
    if row is None:
        return (
            f"there is no publication `{name}`",
            created(connection, name, word, oid),
        )
    everything, columns, row_filter = row
    if columns is None:
        return (
            f"publication `{name}` does not hold {table}",
            f'alter publication "{name}" add table {table}',
        )
    if dark := sorted(set(shape.columns) - set(columns)):
        return (
            f"publication `{name}` leaves out column {quoted(dark)} of {table}",
            readded(name, table),
        )
    if not everything:
        return (
            f"publication `{name}` leaves out some kinds of change",
            f"""alter publication "{name}" set (publish = 'insert, update, delete, truncate')""",
        )
    if row_filter is not None:
        return (
            f"publication `{name}` filters the rows of {table}",
            readded(name, table),
        )
    return None
