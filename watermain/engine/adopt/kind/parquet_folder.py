"""A folder of Parquet files as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.errors import quoted
from watermain.engine.adopt.piece import Piece, TableStanding, refused
from watermain.engine.adopt.placing import delivered_at, too_long
from watermain.source.delivery import Caps
from watermain.source.drop.store import UnservedError
from watermain.source.files.folder import Folder

PATTERN = "**/*.parquet"
ODD_INSTANTS = "INT96"
_MOST_TOLD = 5


def standing(folder: Path, pattern: str = PATTERN, *, without: Iterable[str] = ()) -> TableStanding:
    """Look at the files that a pattern names, as the capture of the folder will.

    Shapes: `without` names what is left out, columns as well as folders' names.
    Raises: UnadoptableTableError.
    """
    where = str(folder)
    try:
        looks = Folder(folder).looks(pattern, Caps().entries)
    except UnservedError as error:
        raise refused(error.what, where, error.next) from None
    if not looks:
        raise refused(f"no file in {folder} is named like {pattern}", where, f"ls {folder}")
    pieces, schemas = [], []
    for look in sorted(looks, key=lambda x: (x.mtime_ns, x.name)):
        path = folder / look.place
        schema, why = described(path, look.name, where)
        if too_long(look.name):
            why = "its name is longer than a folder's may be"
        _refuse_folders(look.name, schema, set(without), where)
        schemas.append((look.name, schema))
        pieces.append(
            Piece(
                name=look.name,
                path=path,
                bytes=look.size,
                at=delivered_at(look.mtime_ns),
                why=why,
            )
        )
    return TableStanding(
        kind="Parquet",
        place=where,
        name=folder.name,
        schema=united(schemas, where, set(without)),
        pieces=tuple(pieces),
    )


def described(path: Path, name: str, where: str) -> tuple[pa.Schema, str]:
    """A file's columns, and why it is not registered as it is where its columns say so.

    Raises: UnadoptableTableError, for what is no Parquet file.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, footer = file.schema_arrow, file.metadata
            kinds = [footer.schema.column(n).physical_type for n in range(footer.num_columns)]
    except (pa.ArrowException, OSError) as error:
        raise refused(
            f"{name} is no sound Parquet file: {str(error).splitlines()[0][:200]}",
            where,
            "move it away, or write it again",
        ) from None
    names = [n.lower() for n in schema.names]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise refused(
            f"{name} names the column {quoted(twice)} twice, or in two cases",
            where,
            "write the file again with a name for each column",
        )
    why = (
        "its instants are of 96 bits, which the lake does not read" if ODD_INSTANTS in kinds else ""
    )
    return schema, why


def united(
    schemas: Sequence[tuple[str, pa.Schema]],
    where: str,
    without: set[str] = frozenset(),  # type: ignore[assignment]
) -> pa.Schema:
    """The columns of all files together, each with one type.

    Raises: UnadoptableTableError, where files disagree about a type.
    """
    found: dict[str, tuple[pa.Field, str]] = {}
    for name, schema in schemas:
        for field in schema:
            if field.name in without:
                continue
            known = found.get(field.name)
            if known is None or known[0].type == field.type:
                found.setdefault(field.name, (field, name))
                continue
            wide = _wider(known[0].type, field.type)
            if wide is None:
                raise refused(
                    f"`{field.name}` is {known[0].type} in {known[1]}, and {field.type} in {name}",
                    where,
                    f"write one of them again, or leave it out: --leave-out {field.name}",
                )
            found[field.name] = (pa.field(field.name, wide), known[1])
    return pa.schema([field.remove_metadata() for field, _ in found.values()])


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type of a column that some files have narrower; None where neither holds the other."""
    for a, b in ((one, other), (other, one)):
        if pa.types.is_null(a):
            return b
        if pa.types.is_signed_integer(a) and pa.types.is_signed_integer(b):
            return b if b.bit_width >= a.bit_width else a
        if _plain(a) == _plain(b):
            return _plain(a)
    return None


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type by what it holds, however that is laid out in memory."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind


def _refuse_folders(name: str, schema: pa.Schema, without: set[str], where: str) -> None:
    """Refuse columns that only the names of folders have: no capture of files reads those."""
    lost = sorted(set(_folders(name)) - set(schema.names) - without)
    if lost:
        options = " ".join(f"--leave-out {each}" for each in lost[:_MOST_TOLD])
        raise refused(
            f"the column {quoted(lost)} stands in the names of folders alone, as in {name}",
            where,
            f"write it into the files; or do without it: {options}",
        )


def _folders(name: str) -> Iterator[str]:
    for part in PurePosixPath(name).parts[:-1]:
        key, sign, _ = part.partition("=")
        if sign and key:
            yield key
