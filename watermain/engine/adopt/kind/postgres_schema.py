"""The tables of a PostgreSQL schema as the server describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from watermain.declare.cadence import Cadence, Daily
from watermain.declare.contract import Column, Contract, Sensitivity
from watermain.declare.errors import UnreachableSystemError, quoted
from watermain.engine.adopt.piece import refused
from watermain.engine.adopt.proposal import Wishes
from watermain.engine.adopt.sensitivity import SAMPLE_ROWS, by_name, by_values
from watermain.engine.exchange.physical_type import physical_type

_TABLES = """
select c.relname::text, c.reltuples::bigint, pg_table_size(c.oid)::bigint,
    array(select a.attname::text from pg_index as i
        cross join lateral unnest(i.indkey::int[]) with ordinality as k (attnum, place)
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary order by k.place)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind = 'r' and not c.relispartition order by 1
"""
_COLUMNS = """
select a.attname::text, format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
        case when t.typbasetype = 0 then a.atttypmod else t.typtypmod end),
    t.typtype::text, a.attnotnull, coalesce(col_description(a.attrelid, a.attnum), '')
from pg_attribute as a join pg_type as t on t.oid = a.atttypid
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
_AS_TEXT = frozenset(
    {"uuid", "json", "jsonb", "xml", "inet", "cidr", "macaddr", "name", "citext", '"char"'}
)
_CHANGED = ("updated", "modified", "deleted")


@dataclass(frozen=True, kw_only=True)
class ServerTable:
    """One table with what the server knows of it.

    Units: `rows` as the server last counted them, and `bytes` on its disk.
    """

    schema: str
    name: str
    rows: int
    bytes: int
    key: tuple[str, ...]

    @property
    def place(self) -> str:
        """What it is called with its schema."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class ServerProposal:
    """The contract of a table that its server keeps, its rhythm, and why it is so."""

    table: ServerTable
    contract: Contract
    cadence: Cadence | None
    notes: tuple[str, ...]


def tables(dsn: str, schema: str) -> list[ServerTable]:
    """The ordinary tables of a schema. Raises: UnreachableSystemError."""
    try:
        with psycopg.connect(dsn) as connection:
            found = connection.execute(_TABLES, [schema]).fetchall()
    except psycopg.OperationalError as error:
        raise _away(error) from None
    return [
        ServerTable(schema=schema, name=name, rows=max(rows, 0), bytes=size, key=tuple(key))
        for name, rows, size, key in found
    ]


def proposal(dsn: str, table: ServerTable, wishes: Wishes) -> ServerProposal:
    """Propose a contract from what the server enforces, with a sample for what is personal.

    Raises: UnadoptableTableError or UnreachableSystemError.
    """
    try:
        with psycopg.connect(dsn) as connection:
            return _proposed(connection, table, wishes)
    except psycopg.OperationalError as error:
        raise _away(error) from None


def _proposed(
    connection: psycopg.Connection[Any], table: ServerTable, wishes: Wishes
) -> ServerProposal:
    place = sql.Identifier(table.schema, table.name).as_string(None)
    rows = connection.execute(_COLUMNS, [place]).fetchall()
    kept = [row for row in rows if row[0] not in wishes.without]
    key, why = _key(connection, table, wishes, [str(row[0]) for row in kept])
    kinds = {str(row[0]): _kind(connection, table, row) for row in kept}
    masked = _masked(connection, table, kinds)
    columns = tuple(
        Column(
            name,
            kinds[name],
            told or ("what names the row" if name in key else name.replace("_", " ")),
            sensitivity=masked.get(name, Sensitivity.INTERNAL),
        )
        for name, _, _, _, told in kept
    )
    event = _event(table, kept, kinds, wishes)
    # Of an unchanging time alone every version of a row has its place in one partition.
    cadence = Daily() if event and wishes.cadence != "none" else None
    contract = Contract(
        grain="one row per change of a row of the source",
        key=key,
        event_time=event or None,
        version="0.1.0",
        columns=columns,
    )
    notes = [why, *(f"`{n}` is masked as {kind.value}" for n, kind in masked.items())]
    if event:
        notes.append(f"event time `{event}`")
    return ServerProposal(table=table, contract=contract, cadence=cadence, notes=tuple(notes))


def _key(
    connection: psycopg.Connection[Any], table: ServerTable, wishes: Wishes, names: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """The key, and by whom it is proved."""
    if not wishes.key:
        if not table.key:
            raise refused(
                f"{table.place} has no primary key, so no key holds for certain",
                table.place,
                f"name one, which is proved: --table {table.place} --key a,b",
            )
        return table.key, f"key ({', '.join(table.key)}): the server's own primary key"
    if unknown := [name for name in wishes.key if name not in names]:
        raise refused(f"there is no column {quoted(unknown)}", table.place, f"use {quoted(names)}")
    columns = sql.SQL(", ").join(map(sql.Identifier, wishes.key))
    lacking = sql.SQL(" or ").join(
        sql.SQL("{} is null").format(sql.Identifier(name)) for name in wishes.key
    )
    query = sql.SQL(
        "select exists (select from {place} where {lacking}),"
        " exists (select from {place} group by {columns} having count(*) > 1)"
    ).format(place=sql.Identifier(table.schema, table.name), lacking=lacking, columns=columns)
    missing, twice = connection.execute(query).fetchone() or (True, True)
    if missing or twice:
        what = "some row lacks a part of it" if missing else "two rows have the same"
        raise refused(f"({', '.join(wishes.key)}) is no key: {what}", table.place, "--key a,b")
    return wishes.key, f"key ({', '.join(wishes.key)}): proved, no two rows share it"


def _kind(
    connection: psycopg.Connection[Any], table: ServerTable, row: tuple[Any, ...]
) -> pa.DataType:
    """The type of a column. Raises: UnadoptableTableError."""
    name, word, kind, *_ = row
    if kind == "e" or word in _AS_TEXT:
        return pa.string()
    if word == "numeric":
        return _numeric(connection, table, name)
    found = physical_type(_bare(word)) if kind in ("b", "d") and not word.endswith("[]") else None
    if found is None:
        raise refused(
            f"`{name}` is {word}, a type that no contract has",
            table.place,
            f"do without it: --leave-out {name}",
        )
    return found


def _bare(word: str) -> str:
    """A type without what it says of the fractions of a second, which are kept anyway."""
    head, sign, rest = word.partition("(")
    if sign and head.strip() in ("timestamp", "time"):
        return head.strip() + rest.partition(")")[2]
    return word


def _numeric(connection: psycopg.Connection[Any], table: ServerTable, name: str) -> pa.DataType:
    """The decimal that holds every number of a column that promises no digits."""
    column = sql.Identifier(name)
    query = sql.SQL(
        "select coalesce(max(scale({column})), 0),"
        " coalesce(max(length(trunc(abs({column}))::text)), 1) from {place}"
    ).format(column=column, place=sql.Identifier(table.schema, table.name))
    scale, whole = connection.execute(query).fetchone() or (0, 1)
    if scale + whole > 38:
        raise refused(
            f"`{name}` has numbers of {scale + whole} digits, of which a contract has 38",
            table.place,
            f"do without it: --leave-out {name}",
        )
    return pa.decimal128(38, max(scale, min(9, 38 - whole)))


def _masked(
    connection: psycopg.Connection[Any], table: ServerTable, kinds: dict[str, pa.DataType]
) -> dict[str, Sensitivity]:
    found = {name: kind for name in kinds if (kind := by_name(name))}
    texts = [n for n, kind in kinds.items() if pa.types.is_string(kind) and n not in found]
    if texts:
        query = sql.SQL("select {}::text from {} limit {}").format(
            sql.SQL("::text, ").join(map(sql.Identifier, texts)),
            sql.Identifier(table.schema, table.name),
            sql.Literal(SAMPLE_ROWS),
        )
        sample = connection.execute(query).fetchall()
        found |= {
            name: Sensitivity.PERSONAL
            for at, name in enumerate(texts)
            if by_values([row[at] for row in sample])
        }
    return found


def _event(
    table: ServerTable,
    rows: Sequence[tuple[Any, ...]],
    kinds: dict[str, pa.DataType],
    wishes: Wishes,
) -> str:
    """A time that the server lets no row be without, and that no update moves by its name."""
    whole = [
        name
        for name, _, _, is_whole, _ in rows
        if is_whole and (pa.types.is_timestamp(kinds[name]) or pa.types.is_date(kinds[name]))
    ]
    if wishes.event_time:
        if wishes.event_time not in whole:
            raise refused(
                f"`{wishes.event_time}` is no time that every row has",
                table.place,
                f"use one of {quoted(whole)}" if whole else "leave --event-time out",
            )
        return wishes.event_time
    return next((n for n in whole if not any(each in n for each in _CHANGED)), "")


def _away(error: Exception) -> UnreachableSystemError:
    return UnreachableSystemError(
        f"the database does not answer: {str(error).splitlines()[0][:200]}",
        declared="its connection in the resources",
        data="nothing was read",
        next="watermain doctor",
    )
