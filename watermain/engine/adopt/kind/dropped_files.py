"""Files that somebody drops, looked at for the names, the types of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from watermain.engine.adopt.kind import parquet_folder
from watermain.engine.adopt.piece import TableStanding, refused
from watermain.engine.adopt.proposal import Proposal, Wishes, propose
from watermain.engine.adopt.rows import FILE, Rows
from watermain.lake.lake import quote, text
from watermain.source.delivery import Caps
from watermain.source.drop.store import UnservedError
from watermain.source.files.folder import Folder

FORMATS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json"}
_READERS = {
    "csv": "read_csv([{}], header = true, union_by_name = true, filename = true{})",
    "json": "read_json([{}], format = 'newline_delimited', union_by_name = true, filename = true)",
}
_DIGITS = 18  # of a decimal that is proposed for numbers with a point


def proposal(
    connection: duckdb.DuckDBPyConnection, folder: Path, pattern: str, wishes: Wishes
) -> Proposal:
    """Propose a contract for what a pattern names, from all that lies there now.

    Guarantees: what is sniffed is written down, and from then on declared.
    Raises: UnadoptableTableError.
    """
    kind = FORMATS.get(Path(pattern).suffix)
    if kind is None:
        raise refused(
            f"what {pattern} names has no ending that says its format",
            str(folder),
            f"let it end in one of {', '.join(FORMATS)}",
        )
    if kind == "parquet":
        found = parquet_folder.standing(folder, pattern, without=wishes.without)
        return propose(connection, found, wishes)
    files = _named(folder, pattern)
    rows = _rows(connection, files, kind, folder)
    schema = connection.execute(f"{rows.relation} limit 0").to_arrow_table().schema
    standing = TableStanding(
        kind=kind.upper(),
        place=str(folder / pattern),
        name=folder.name,
        schema=schema.remove(schema.get_field_index(FILE)),
    )
    return propose(connection, standing, wishes, rows)


def _named(folder: Path, pattern: str) -> list[Path]:
    try:
        looks = Folder(folder).looks(pattern, Caps().entries)
    except UnservedError as error:
        raise refused(error.what, str(folder), error.next) from None
    if not looks:
        raise refused(f"no file in {folder} is named like {pattern}", str(folder), f"ls {folder}")
    return sorted(folder / look.place for look in looks)


def _rows(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], kind: str, folder: Path
) -> Rows:
    """The rows as the engine types them; numbers of a CSV with a point as exact decimals."""
    listed = ", ".join(text(str(path)) for path in files)
    source = _READERS[kind].format(listed, ", sample_size = -1")
    try:
        schema = connection.execute(f"select * from {source} limit 0").to_arrow_table().schema
    except duckdb.Error as error:
        raise refused(
            f"the files cannot be read as {kind}: {str(error).splitlines()[0][:200]}",
            str(folder),
            "look at their first lines",
        ) from None
    if FILE not in schema.names or len({n.lower() for n in schema.names}) < len(schema.names):
        raise refused("a column is named twice", str(folder), "name each once")
    exact = []
    if kind == "csv":
        bare = _READERS[kind].format(listed, ", all_varchar = true")
        points = [f.name for f in schema if pa.types.is_floating(f.type)]
        scales = {name: _scale(connection, bare, name) for name in points}
        exact = [
            f"{quote(name)}::decimal({_DIGITS}, {scale}) as {quote(name)}"
            for name, scale in scales.items()
            if scale is not None
        ]
    replaced = f" replace ({', '.join(exact)})" if exact else ""
    return Rows(connection=connection, relation=f"select *{replaced} from {source}", by=quote(FILE))


def _scale(connection: duckdb.DuckDBPyConnection, source: str, name: str) -> int | None:
    """The most digits behind the point of a column; None where some value is no plain decimal."""
    column = quote(name)
    whole, scale, longest = connection.execute(
        f"select bool_and(regexp_full_match({column}, '-?[0-9]+([.][0-9]+)?')),"
        f" max(length(split_part({column}, '.', 2))), max(length({column})) from {source}"
        f" where {column} is not null"
    ).fetchone() or (False, 0, 0)
    return int(scale) if whole and longest < _DIGITS else None
