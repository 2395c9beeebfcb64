"""Questions to rows that stand outside, asked of an engine of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from watermain.engine.adopt.piece import Piece
from watermain.lake.lake import quote, text
from watermain.settings import load_settings

FILE = "filename"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows as a relation in SQL; `by` is what tells the piece of a row, also in SQL."""

    connection: duckdb.DuckDBPyConnection
    relation: str
    by: str

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """What a query over the relation, written as `rows`, finds."""
        return self.connection.execute(f"with rows as ({self.relation}) {query}").fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        """The one row of such a query."""
        return self.asked(query)[0]


@contextmanager
def own_engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine for the block, bounded as the lake's own is, that fetches nothing."""
    settings = load_settings()
    spill = settings.home / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(
        ":memory:",
        config={
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_unsigned_extensions": True,
        },
    ) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def of_pieces(
    connection: duckdb.DuckDBPyConnection, pieces: Sequence[Piece], schema: pa.Schema
) -> Rows:
    """The rows of Parquet files, columns put together by their names.

    Shapes: a column that stands in no file, nor in what a piece says besides, is null.
    """
    alike: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    held = set[str]()
    for piece in pieces:
        if piece.path is not None:
            alike.setdefault(tuple(sorted(piece.constants.items())), []).append(piece.path)
            held.update(pq.read_schema(piece.path).names, piece.constants)
    absent = "".join(f", null as {quote(n)}" for n in schema.names if n not in held)
    relation = " union all by name ".join(
        f"(select *{''.join(f', {text(v)} as {quote(n)}' for n, v in constants)}{absent}"
        f" from read_parquet([{', '.join(text(str(path)) for path in paths)}],"
        " union_by_name = true, filename = true, hive_partitioning = false))"
        for constants, paths in alike.items()
    )
    return Rows(connection=connection, relation=relation, by=quote(FILE))
