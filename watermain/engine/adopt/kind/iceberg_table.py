"""An Iceberg table as its present snapshot stands."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.engine.adopt.kind.rewritten import rewritten
from watermain.engine.adopt.piece import Piece, TableStanding, refused
from watermain.engine.adopt.placing import delivered_at, too_long
from watermain.machine.extras import need

METADATA = "metadata"
NEWEST_VERSION = 2
_FIELD_ID = b"PARQUET:field_id"


def metadata_of(place: Path) -> Path | None:
    """The newest metadata file of a table's folder, or the one that is named; None for no table."""
    if place.is_file():
        return place if place.name.endswith(".metadata.json") else None
    found = list((place / METADATA).glob("*.metadata.json"))
    return max(found, key=lambda p: (p.stat().st_mtime_ns, p.name), default=None)


def standing(place: Path, scratch: Path) -> TableStanding:
    """Read the metadata, and list the files of the present snapshot.

    Raises: UnadoptableTableError or MissingExtraError.
    """
    need("adopt", declared=str(place))
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.table import StaticTable

    metadata = metadata_of(place)
    where = str(metadata or place)
    try:
        table = StaticTable.from_metadata(where)
        if table.metadata.format_version > NEWEST_VERSION:
            raise refused(
                f"the Iceberg table is of version {table.metadata.format_version}, of which only"
                f" 1 and {NEWEST_VERSION} are known here",
                where,
                "write it again as version 2, or export its rows as Parquet",
            )
        scan = table.scan()
        tasks = list(scan.plan_files())
        schema = scan.projection().as_arrow()
    except (ValidationError, ValueError, OSError, NotImplementedError) as error:
        raise refused(
            f"the Iceberg table cannot be read: {str(error).splitlines()[0][:200]}",
            where,
            "name the folder that holds `metadata/`, with the files where it says they are",
        ) from None
    pieces = [_piece(table, scan, task, scratch, where) for task in tasks]
    snapshot = table.current_snapshot()
    return TableStanding(
        kind="Iceberg",
        place=where,
        name=(metadata or place).parent.parent.name,
        schema=schema,
        pieces=tuple(sorted(pieces, key=lambda p: (p.at, p.name))),
        required=frozenset(f.name for f in schema if not f.nullable),
        described={f.name: f.doc for f in table.schema().fields if f.doc},
        notes=(f"snapshot {snapshot.snapshot_id if snapshot else 'none'} of the Iceberg table",),
    )


def _piece(table: Any, scan: Any, task: Any, scratch: Path, where: str) -> Piece:
    """One data file, written again where rows of it are deleted or its columns have other names."""
    path = _local(task.file.file_path, where)
    found = path.stat()
    root = Path(urlsplit(table.location()).path)
    name = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
    deletes = sorted(each.file_path for each in task.delete_files)
    print_of = hashlib.sha256("\0".join((str(path), *deletes)).encode()).hexdigest()[:24]
    piece = Piece(
        name=name,
        path=path,
        bytes=found.st_size,
        at=delivered_at(found.st_mtime_ns),
        mark=f"iceberg/{table.metadata.table_uuid}/{print_of}",
    )
    why = _why(table, task, path, name)
    if why:
        return rewritten(piece, _rows(table, scan, task), scratch, why=why)
    return Piece(**{**vars(piece), "mark": ""})


def _why(table: Any, task: Any, path: Path, name: str) -> str:
    """Why a file does not stay as it is; empty where it does."""
    if task.delete_files:
        return "rows of it are deleted, by files beside it"
    if str(task.file.file_format).rpartition(".")[2].upper() != "PARQUET":
        return f"it is {task.file.file_format}, no Parquet"
    if too_long(name):
        return "its name is longer than a folder's may be"
    return _renamed(table.schema().fields, pq.read_schema(path))


def _renamed(fields: Sequence[Any], schema: pa.Schema) -> str:
    """Whether a column of the file means another one of the table, or none by its name."""
    wanted = {f.name: f.field_id for f in fields}
    held = {f.name: int((f.metadata or {}).get(_FIELD_ID, -1)) for f in schema}
    for name, number in held.items():
        if name in wanted and number not in (-1, wanted[name]):
            return f"its column `{name}` was dropped, and another has that name now"
    ids = {number: name for name, number in held.items() if number >= 0}
    for name, number in wanted.items():
        if name not in held and number in ids:
            return f"its column `{ids[number]}` is called `{name}` now"
    return ""


def _rows(table: Any, scan: Any, task: Any) -> pa.Table:
    """The living rows of one file, as the table has them now."""
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import ArrowScan

    reader = ArrowScan(table.metadata, table.io, scan.projection(), AlwaysTrue())
    return reader.to_table([task])


def _local(address: str, where: str) -> Path:
    """A file of this machine."""
    parts = urlsplit(address)
    if parts.scheme not in ("", "file"):
        raise refused(
            f"its files lie at {parts.scheme}://{parts.netloc}, not on this machine",
            where,
            "copy the table here, or export its rows as Parquet",
        )
    path = Path(unquote(parts.path))
    if not path.is_file():
        raise refused(
            f"its metadata names {path}, which is not there",
            where,
            "put the table back where it was written, for its paths are absolute",
        )
    return path
