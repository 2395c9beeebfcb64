"""Structs as the catalog holds them: text that DuckLake writes exactly but reads wrongly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
from psycopg import sql

from resources.inlined import Inlined, catalog
from resources.lake import Lake, quote

# A struct is kept as the literal that SQL would have. Of nothing else than these words may one
# consist, so that to evaluate it is to read it.
_WORD = re.compile(
    r"""(?P<text>'(?:[^']|'')*')
      | (?P<cast>::[A-Z][A-Z0-9_ ]*(?:\(\d+(?:,\s?\d+)?\))?)
      | (?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)
      | (?P<name>true|false|NULL|MAP)
      | (?P<mark>[{}\[\]:,]|\s+)""",
    re.VERBOSE,
)


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
    """The inlined rows of struct columns, read as they were written; None where one cannot be.

    Shapes: `_row` is the row's id, beside it each column with its engine type of `kinds`.
    """
    reader = duckdb.connect(config={"enable_external_access": False})
    reader.execute("set timezone = 'UTC'")
    names = ", ".join(f"{quote(n)} {kind}" for n, kind in kinds.items())
    reader.execute(f"create table held (_row bigint, {names})")
    for row, *texts in _texts(lake, held, list(kinds)):
        words = [_literal(text) for text in texts]
        if None in words:
            return None
        values = ", ".join(f"({w})::{k}" for w, k in zip(words, kinds.values(), strict=True))
        try:
            reader.execute(f"insert into held select {row}, {values}")
        except duckdb.Error:
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


def _literal(held: str | None) -> str | None:
    """The same literal, its numbers as text so that each is cast to its field's own type."""
    if held is None:
        return "null"
    words, place = [], 0
    while place < len(held):
        word = _WORD.match(held, place)
        if word is None:
            return None
        words.append(f"'{word[0]}'" if word.lastgroup == "number" else word[0])
        place = word.end()
    return "".join(words)
