"""The ledger's rows moved from the catalog into few files, each at the snapshot that it came with.

The ledger keeps small commits in the catalog, where a row takes seven times the room that it takes
in a file. The engine's own calls move rows with their numbers and with the snapshots that they came
with, so that whoever asks what came since a snapshot hears the same as before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from watermain.declare.errors import ChangedRowsError, LostLeaseError
from watermain.declare.name import DatasetName
from watermain.failpoint import failpoint
from watermain.lake.catalog import unreachable
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, quote, text
from watermain.lake.rest.at_rest import AtRest
from watermain.lake.rest.checksum import Checksum
from watermain.lake.rest.inlined import LEDGER, catalog
from watermain.lake.rest.rewrite import Content, content
from watermain.lake.rest.vouching import WRITTEN, Vouched, vouch
from watermain.lake.written import Written

LOG = logging.getLogger("watermain.ledger")
MOST_HELD = 500  # rows of a table that the catalog may keep
MOST_FILES = 24  # small ones of a table
SMALL_BYTES = 8 << 20  # a file beneath is written again with its neighbours
WAIT_SECONDS = 5.0
_WRITER = DatasetName("upkeep", "raw", "ledger")  # whose lease is taken; no table has that name
_NUMBER, _SNAPSHOT = "_ducklake_internal_row_id", "_ducklake_internal_snapshot_id"
_TABLES = """
select t.table_name, array(select i.table_name from ducklake_inlined_data_tables i
        where i.table_id = t.table_id order by 1),
    (select count(*) from ducklake_data_file f where f.table_id = t.table_id
        and f.end_snapshot is null and f.file_size_bytes < %s)
from ducklake_table t join ducklake_schema s using (schema_id)
where s.schema_name = %s and t.end_snapshot is null and s.end_snapshot is null order by 1
"""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Rows that left the catalog, small files before with what they became, and bytes of new files.

    Shapes: `left` are sentences about what was left as it is.
    """

    rows: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes: int = 0
    left: tuple[str, ...] = ()

    def __add__(self, other: Packed) -> Packed:
        return Packed(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


@dataclass(frozen=True, kw_only=True)
class _Table:
    """One table of the ledger: its holders of rows in the catalog, these rows, and small files."""

    name: str
    holders: tuple[str, ...]
    held: int
    small: int

    @property
    def target(self) -> str:
        return f"lake.{LEDGER}.{quote(self.name)}"


def pack_ledger(lake: Lake) -> Packed:
    """Move the ledger's rows into files where the catalog holds many, and many files into few.

    Guarantees: a snapshot of its own for each table; its rows are counted and hashed before the
    commit, with their numbers and their snapshots; the new files are on disk and vouched for, those
    of a merge right after it. What cannot be proved is left as it is. Writers go on meanwhile:
    rows that they commit stay in the catalog.
    Raises: UnreachableSystemError.
    """
    done = Packed()
    try:
        with (
            lake.fence.lease(str(_WRITER), wait_seconds=WAIT_SECONDS) as lease,
            lake.get_connection() as connection,
        ):
            for each in _tables(lake):
                if each.held >= MOST_HELD:
                    done += _noted(lake, connection, lease, each, is_held=True)
                if each.small >= MOST_FILES:
                    done += _noted(lake, connection, lease, each, is_held=False)
    except LostLeaseError:
        return done + Packed(left=("the ledger: somebody else packs it",))
    return done


def _tables(lake: Lake) -> list[_Table]:
    try:
        with catalog(lake) as connection:
            found = connection.execute(_TABLES, (SMALL_BYTES, LEDGER)).fetchall()
            return [_counted(connection, *row) for row in found]
    except psycopg.OperationalError as error:
        raise unreachable(error, data="unchanged; the ledger stays where it is") from error


def _counted(
    connection: psycopg.Connection[Any], name: str, holders: list[str], small: int
) -> _Table:
    count = sql.SQL("select count(*) from {}")
    rows = [connection.execute(count.format(sql.Identifier(h))).fetchone() for h in holders]
    held = sum(int(row[0]) for row in rows if row)
    return _Table(name=name, holders=tuple(holders), held=held, small=small)


def _noted(
    lake: Lake, connection: duckdb.DuckDBPyConnection, lease: Lease, of: _Table, *, is_held: bool
) -> Packed:
    """Do it; note what was left as it is."""
    try:
        return _packed(lake, connection, lease, of, is_held=is_held)
    except ChangedRowsError as error:
        LOG.error("the ledger's rows left as they are: %s", error.what)
        return Packed(left=(error.what,))


def _packed(
    lake: Lake, connection: duckdb.DuckDBPyConnection, lease: Lease, of: _Table, *, is_held: bool
) -> Packed:
    """Move what a table holds in the catalog, or in small files; prove it before the commit."""
    inside = f"{lake.folder}{LEDGER}/{of.name}/"
    columns = {
        str(row[0]): str(row[1]) for row in connection.execute(f"describe {of.target}").fetchall()
    }
    with lake.transaction(connection, lease, f"pack the ledger's {of.name}") as written:
        names = of.holders if is_held else _small(connection, of.name)
        listed = ", ".join(map(quote, columns))
        rows = f"{of.target} where filename in ({', '.join(map(text, names))})"
        before = content(
            connection, f"(select rowid as number, snapshot_id as at, {listed} from {rows})"
        )
        first = connection.execute(f"select min(rowid) from {rows}").fetchone()
        connection.execute(_flush(of.name) if is_held else _merge(of.name)).fetchall()
        files = _own(connection, _new(connection, written, inside))
        failpoint("ledger.packed_before_proof")
        _prove(of.name, before, _read(connection, files, columns, first[0] if first else None))
        sums = {path: AtRest(lake.folder).checksum(path) for path in files}
        if is_held:
            _vouch(connection, sums, lake.folder, of.name, lease)
        failpoint("ledger.packed_before_commit")
    size = sum(each.bytes for each in sums.values())
    if is_held:
        return Packed(rows=before.rows, files_after=len(files), bytes=size)
    # The engine commits a merge with nothing else. Cut off here, a verification sums the file.
    with lake.transaction(connection, lease, f"vouch for the ledger's {of.name}"):
        _vouch(connection, sums, lake.folder, of.name, lease)
    return Packed(files_before=len(names), files_after=len(files), bytes=size)


def _small(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """The small files that the transaction sees: a packing may just have added one."""
    rows = connection.execute(
        "select data_file from ducklake_list_files('lake', ?, schema => ?)"
        " where data_file_size_bytes < ?",
        [name, LEDGER, SMALL_BYTES],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _flush(name: str) -> str:
    return (
        f"call ducklake_flush_inlined_data('lake', schema_name => '{LEDGER}',"
        f" table_name => {text(name)})"
    )


def _merge(name: str) -> str:
    return (
        f"call ducklake_merge_adjacent_files('lake', {text(name)}, schema => '{LEDGER}',"
        f" max_file_size => {SMALL_BYTES})"
    )


def _new(connection: duckdb.DuckDBPyConnection, written: Written, inside: str) -> list[str]:
    """The files of a table that are new since the transaction began, other writers' among them."""
    if not written.is_remote:
        written.sync_ledger()
        return sorted(path for path in written.paths if path.startswith(inside))
    listed = connection.execute("select file from glob(?)", [f"{inside}*.parquet"]).fetchall()
    return sorted(str(p) for (p,) in listed if p.rpartition("/")[2] >= written.oldest)


def _own(connection: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> dict[str, set[str]]:
    """Those whose rows bring their snapshots, as packing alone writes them, with their columns."""
    found = {}
    for path in paths:
        try:
            rows = connection.execute(
                f"select column_name from (describe from read_parquet({text(path)}))"
            ).fetchall()
        except (duckdb.IOException, duckdb.InvalidInputException):
            continue  # another's, who has not ended it
        if _SNAPSHOT in (names := {str(row[0]) for row in rows}):
            found[path] = names
    return found


def _read(
    connection: duckdb.DuckDBPyConnection,
    files: Mapping[str, set[str]],
    columns: Mapping[str, str],
    first: int | None,
) -> Content:
    """What the files hold, as the table shows it; one of an older shape lacks columns.

    Rows whose numbers follow each other do not bring them: they count from the `first` on.
    """
    count, total = 0, 0
    for path, names in files.items():
        number = _NUMBER if _NUMBER in names else f"{first or 0} + file_row_number"
        listed = ", ".join(
            quote(n) if n in names else f"null::{kind} as {quote(n)}" for n, kind in columns.items()
        )
        found = content(
            connection,
            f"(select {number} as number, {_SNAPSHOT} as at, {listed}"
            f" from read_parquet({text(path)}, file_row_number => true))",
        )
        count, total = count + found.rows, total + int(found.hash)
    return Content(count, str(total))


def _prove(name: str, before: Content, after: Content) -> None:
    """Compare what was read before with what the new files hold.

    Raises: ChangedRowsError.
    """
    if before != after:
        raise ChangedRowsError(
            f"the ledger's {name}: {before.rows} rows with hash {before.hash} would have become"
            f" {after.rows} with hash {after.hash}",
            declared="watermain/lake/rest/ledger_files.py",
            data="unchanged; the ledger's rows stay where they are",
            next="watermain verify",
        )


def _vouch(
    connection: duckdb.DuckDBPyConnection,
    sums: Mapping[str, Checksum],
    folder: str,
    name: str,
    lease: Lease,
) -> None:
    dataset, now = f"upkeep.raw.{name}", datetime.now(UTC)
    rows = [
        Vouched(dataset, path.removeprefix(folder), found, WRITTEN, lease.epoch, now)
        for path, found in sums.items()
    ]
    vouch(connection, rows)
