"""Structs as the catalog holds them: text that DuckLake writes exactly but reads wrongly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import duckdb
import pyarrow as pa
from psycopg import sql

from watermain.lake.lake import Lake, quote, text
from watermain.lake.rest.inlined import Inlined, catalog

_QUOTED = r"'((?:[^']|'')*)'"
_VALUE = re.compile(
    rf"CAST\({_QUOTED} AS [A-Z0-9_ (),]+?\)|{_QUOTED}(?:::[A-Z0-9_ ]+)?|([^\s,'{{}}\[\]]+)"
)
_INNER = re.compile(r"'(?:[^'\\]|\\.)*'|[^'{}\[\]]+", re.DOTALL)


def structs(lake: Lake, held: Inlined) -> list[str]:
    """The columns of a table whose inlined values DuckLake reads back changed, or not at all."""
    with catalog(lake) as connection:
        rows = connection.execute(
            "select column_name from ducklake_column where table_id = %s and end_snapshot is null"
            " and parent_column is null and column_type = 'struct' order by column_order",
            (held.table_id,),
        ).fetchall()
    return [str(row[0]) for row in rows]


def recovered(lake: Lake, held: Inlined, kinds: Mapping[str, str]) -> pa.Table | None:
    """The inlined rows of struct columns, as they were written.

    Shapes: `_row` is the row's id, and beside it stands each column with its engine type of
    `kinds`.
    Guarantees: each field, cast from its text, gives that text again, or the answer is None.
    """
    reader = duckdb.connect(config={"enable_external_access": False})
    reader.execute("set timezone = 'UTC'")
    names = ", ".join(f"{quote(n)} {kind}" for n, kind in kinds.items())
    reader.execute(f"create table held (_row bigint, {names})")
    types = [duckdb.sqltype(kind) for kind in kinds.values()]
    for row, *texts in _texts(lake, held, list(kinds)):
        try:
            values = [
                "null" if each is None else _StructReader(reader, each).whole(kind)
                for each, kind in zip(texts, types, strict=True)
            ]
            reader.execute(f"insert into held select {row}, {', '.join(values)}")
        except (duckdb.Error, _OddTextError):
            return None
    return reader.execute("from held").to_arrow_table()


def _texts(lake: Lake, held: Inlined, names: list[str]) -> list[tuple[Any, ...]]:
    """What the catalog holds of living rows; a column that a table of it lacks was added since."""
    found: list[tuple[Any, ...]] = []
    with catalog(lake) as connection:
        for holder in held.holders:
            columns = connection.execute(
                "select array_agg(attname::text) from pg_attribute where attrelid = %s::regclass",
                (f'"{holder}"',),
            ).fetchone()
            known = set(columns[0]) if columns else set()
            shown = [sql.Identifier(n) if n in known else sql.SQL("null") for n in names]
            found += connection.execute(
                sql.SQL("select row_id, {} from {} where end_snapshot is null").format(
                    sql.SQL(", ").join(shown), sql.Identifier(holder)
                )
            ).fetchall()
    return found


class _StructReader:
    """One struct's text, read from left to right by its type.

    A struct stands as in SQL; a list or a map in it as a cast to text would write it.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, held: str) -> None:
        self.engine, self.held, self.place = engine, held, 0

    def struct(self, kind: duckdb.sqltypes.DuckDBPyType) -> str:
        """The SQL expression of the struct that begins here."""
        parts = []
        for number, (name, of) in enumerate(kind.children):
            self._pass(f"{', ' if number else '{'}{text(str(name))}: ")
            field = cast("duckdb.sqltypes.DuckDBPyType", of)
            parts.append(f"{quote(str(name))} := {self._field(field)}")
        self._pass("}")
        return f"struct_pack({', '.join(parts)})::{kind}"

    def whole(self, kind: duckdb.sqltypes.DuckDBPyType) -> str:
        """The SQL expression of the text, all of which is one struct."""
        found = self.struct(kind)
        if self.place != len(self.held):
            raise _OddTextError
        return found

    def _field(self, kind: duckdb.sqltypes.DuckDBPyType) -> str:
        here = self.held[self.place : self.place + 1]
        if here == "{" and kind.id == "struct":
            return self.struct(kind)
        if here in ("[", "{"):
            return self._proved(self._nested(), kind)
        word = _VALUE.match(self.held, self.place)
        if word is None:
            raise _OddTextError
        self.place = word.end()
        cast, quoted, bare = word.groups()
        if bare == "NULL":
            return f"null::{kind}"
        said = bare if bare is not None else (cast if cast is not None else quoted)
        return self._proved(said if bare else said.replace("''", "'"), kind)

    def _proved(self, said: str, kind: duckdb.sqltypes.DuckDBPyType) -> str:
        """Cast what was said; the value is it only if it says the same."""
        cast = f"{text(said)}::{kind}"
        if self.engine.execute(f"select ({cast})::varchar").fetchone() != (said,):
            raise _OddTextError
        return cast

    def _nested(self) -> str:
        """The text up to where the bracket that opens here is closed."""
        depth, began = 0, self.place
        while self.place < len(self.held):
            if self.held[self.place] in "[{":
                depth, self.place = depth + 1, self.place + 1
            elif self.held[self.place] in "]}":
                depth, self.place = depth - 1, self.place + 1
                if depth == 0:
                    return self.held[began : self.place]
            elif (word := _INNER.match(self.held, self.place)) is not None:
                self.place = word.end()
            else:
                break
        raise _OddTextError

    def _pass(self, words: str) -> None:
        if not self.held.startswith(words, self.place):
            raise _OddTextError
        self.place += len(words)


class _OddTextError(Exception):
    """Report text that no struct of that type has."""
