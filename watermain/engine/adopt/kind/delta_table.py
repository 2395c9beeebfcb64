"""A Delta table as its newest version stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.errors import quoted
from watermain.engine.adopt.kind.rewritten import rewritten
from watermain.engine.adopt.piece import Piece, TableStanding, refused
from watermain.engine.adopt.placing import delivered_at, too_long
from watermain.machine.extras import need

LOG = "_delta_log"
DELETES = "deletionVectors"
# What asks nothing more of whoever reads the files of the newest version.
HARMLESS = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", DELETES})
_MAPPING = "delta.columnMapping.mode"


def standing(folder: Path, scratch: Path) -> TableStanding:
    """Read the log, and list the files of the newest version.

    Raises: UnadoptableTableError or MissingExtraError.
    """
    need("adopt", declared=str(folder))
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(str(folder))
        _refuse_features(table, folder)
        added = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        schema = pa.schema(table.schema().to_arrow())
    except (DeltaError, OSError, ValueError) as error:
        raise refused(
            f"the Delta table cannot be read: {str(error).splitlines()[0][:200]}",
            str(folder),
            f"look into {folder / LOG}",
        ) from None
    parts = list(table.metadata().partition_columns)
    pieces = [_piece(folder, each, parts, schema, scratch) for each in added]
    return TableStanding(
        kind="Delta",
        place=str(folder),
        name=folder.name,
        schema=schema,
        pieces=tuple(sorted(pieces, key=lambda p: (p.at, p.name))),
        required=frozenset(f.name for f in schema if not f.nullable),
        notes=(f"version {table.version()} of the Delta table",),
    )


def _refuse_features(table: Any, folder: Path) -> None:
    """Refuse what a reader must know beyond the files that the log names."""
    asked = set(table.protocol().reader_features or ())
    if table.metadata().configuration.get(_MAPPING, "none") != "none":
        asked.add("columnMapping")
    if unknown := asked - HARMLESS:
        raise refused(
            f"the Delta table needs {quoted(unknown)} of its readers, which this one does not know",
            str(folder),
            "write it again without, such as with `create table ... as select`",
        )
    if DELETES in asked:
        marked = pa.RecordBatchReader.from_stream(table.deletion_vectors()).read_all().num_rows
        if marked:
            raise refused(
                f"{marked} of its files have deletion vectors: rows that lie there deleted",
                str(folder),
                "write them out first: `reorg table ... apply (purge)` in Spark",
            )


def _piece(
    folder: Path, added: Mapping[str, Any], parts: list[str], schema: pa.Schema, scratch: Path
) -> Piece:
    """One data file, with the columns that only the log tells."""
    name = unquote(str(added["path"]))
    path = Path(name) if name.startswith("/") else folder / name
    if not path.is_file():
        raise refused(
            f"the log names {name}, which is not there",
            str(folder),
            "restore it, or vacuum the log",
        )
    found = path.stat()
    values = {part: added.get(f"partition.{part}") for part in parts}
    piece = Piece(
        name=name,
        path=path,
        bytes=found.st_size,
        at=delivered_at(found.st_mtime_ns),
        constants={part: _told(value) for part, value in values.items() if value is not None},
        mark=f"{folder.name}/{name}",
    )
    odd = [part for part, value in values.items() if value is None]
    if odd:
        rows = pq.read_table(path, partitioning=None)
        for part, value in values.items():
            kind = schema.field(part).type
            column = pa.array([value] * rows.num_rows, pa.array([value]).type).cast(kind)
            rows = rows.append_column(part, column)
        return rewritten(piece, rows, scratch, why=f"`{odd[0]}` is null, which no folder can say")
    if any(too_long(each) for each in (name, *piece.constants.values())):
        return rewritten(
            piece, _whole(path, piece, schema), scratch, why="its name is longer than a folder's"
        )
    return Piece(**{**vars(piece), "mark": ""})


def _whole(path: Path, piece: Piece, schema: pa.Schema) -> pa.Table:
    rows = pq.read_table(path, partitioning=None)
    for part, value in piece.constants.items():
        told = pa.array([value] * rows.num_rows, pa.string()).cast(schema.field(part).type)
        rows = rows.append_column(part, told)
    return rows


def _told(value: object) -> str:
    """A value as a folder's name says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
