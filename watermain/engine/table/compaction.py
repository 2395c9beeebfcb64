"""Many small files of a table made few, their rows unchanged."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import duckdb

from watermain.declare.errors import DamagedDataError, UnreadableRowsError
from watermain.declare.name import DatasetName
from watermain.failpoint import failpoint
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, table, text
from watermain.lake.rest.inlined import inlined
from watermain.lake.rest.inventory import DATA, DELETES, inventory
from watermain.lake.rest.rewrite import Rewrite, content, prove, ready, record
from watermain.lake.rest.signed_zero import copied
from watermain.lake.rest.verification import damaged, verify

LOG = logging.getLogger("watermain.compaction")

SMALL_BYTES = 8 << 20  # a file beneath is written again with its neighbours
MOST_SPARED = 24  # so many files may be too many before anything is written again
EVERY = 16  # leases or batches between two looks at a table's files
HOLLOW = 0.3  # of a file's rows; where as many are deleted, it is written again
PIECE_BYTES = 256 << 20  # what one transaction writes again
COMPACTION = "compaction"

_File = tuple[str, int]


def tidy(
    lake: Lake, connection: duckdb.DuckDBPyConnection, name: DatasetName, lease: Lease, turn: int
) -> list[Rewrite]:
    """Look at the files of a table at every so many turns of its writer; else cost nothing.

    What cannot be written again is left for those who verify it or move it: the writer goes on.
    """
    if turn % EVERY != 0:
        return []
    try:
        return compact(lake, connection, name, lease)
    except (DamagedDataError, UnreadableRowsError) as error:
        LOG.error("files not compacted: %s", error.what)
        return []


def crowded(
    connection: duckdb.DuckDBPyConnection, names: Iterable[DatasetName]
) -> list[DatasetName]:
    """Those of the datasets that have more small files than are left alone."""
    rows = connection.execute(
        "select table_name from ducklake_table_info('lake') where file_count > ?", [MOST_SPARED]
    ).fetchall()
    named = {str(row[0]) for row in rows}
    found = []
    for name in (each for each in names if each.table in named):
        with suppress(duckdb.CatalogException):  # another room's table has that name
            if _spared(_mergeable(connection, name)) >= MOST_SPARED:
                found.append(name)
    return found


def compact(
    lake: Lake, connection: duckdb.DuckDBPyConnection, name: DatasetName, lease: Lease
) -> list[Rewrite]:
    """Write small files again as few, each folder's into one, where there are too many.

    Guarantees: a snapshot of its own under the writer's lease, all of it or nothing; rows are
    counted and hashed before and after; each older snapshot keeps its files, and none is deleted;
    the ledger's positions and versions stay, so that nobody takes it for new data.
    Raises: ChangedRowsError, DamagedDataError, LostLeaseError or UnreadableRowsError.
    """
    done: list[Rewrite] = []
    while (groups := _mergeable(connection, name)) and _spared(groups) >= MOST_SPARED:
        _prove_in_files(lake, name)
        each = _merged(lake, connection, name, lease, [*_piece(groups)])
        done.append(each)
        if each.files_after >= each.files_before:
            break
    return done


def hollow(lake: Lake, names: Iterable[DatasetName]) -> dict[DatasetName, list[_File]]:
    """Files of the present snapshot of whose rows many are deleted, by dataset."""
    known = {str(name): name for name in names}
    files = [each for each in inventory(lake, known) if each.is_read]
    deleted = {each.number: each.rows for each in files if each.kind == DELETES}
    found: dict[DatasetName, list[_File]] = defaultdict(list)
    for each in (e for e in files if e.kind == DATA):
        if HOLLOW * each.rows <= deleted.get(each.number, 0) > 0:
            found[known[each.dataset]].append((each.path, each.bytes))
    return dict(found)


def fill_under_lease(lake: Lake, name: DatasetName, wait_seconds: float) -> list[Rewrite]:
    """Write the living rows of hollow files again, which spares every reader the deleted ones.

    Guarantees and raises: as `compact_under_lease`.
    """
    done: list[Rewrite] = []
    with (
        lake.fence.lease(str(name), wait_seconds=wait_seconds) as lease,
        lake.get_connection() as connection,
    ):
        while files := hollow(lake, [name]).get(name):
            _prove_in_files(lake, name)
            done.append(_merged(lake, connection, name, lease, [*_piece([files])]))
    return done


def compact_under_lease(lake: Lake, name: DatasetName, wait_seconds: float) -> list[Rewrite]:
    """Do it for somebody who does not write to the table otherwise.

    Raises: ChangedRowsError; LostLeaseError, when the lease does not come free in that time.
    """
    with (
        lake.fence.lease(str(name), wait_seconds=wait_seconds) as lease,
        lake.get_connection() as connection,
    ):
        return compact(lake, connection, name, lease)


def _mergeable(connection: duckdb.DuckDBPyConnection, name: DatasetName) -> list[list[_File]]:
    """Small files of the present snapshot that share a folder, and so a partition."""
    rows = connection.execute(
        "select data_file, data_file_size_bytes from ducklake_list_files('lake', ?, schema => ?)"
        " where data_file_size_bytes < ? order by data_file",
        [name.table, name.schema, SMALL_BYTES],
    ).fetchall()
    folders: dict[str, list[_File]] = defaultdict(list)
    for path, size in rows:
        folders[os.path.dirname(path)].append((str(path), int(size)))
    return [files for files in folders.values() if len(files) > 1]


def _spared(groups: Sequence[Sequence[_File]]) -> int:
    return sum(len(files) - 1 for files in groups)


def _piece(groups: Sequence[Sequence[_File]]) -> Iterator[str]:
    """As many files as one transaction takes."""
    total = 0
    for number, (path, size) in enumerate(file for files in groups for file in files):
        total += size
        if total > PIECE_BYTES and number > 1:
            return
        yield path


def _prove_in_files(lake: Lake, name: DatasetName) -> None:
    """Keep away from rows that the catalog holds, at whose reading the engine may end itself.

    Raises: UnreadableRowsError.
    """
    here = (name.schema, name.table)
    for held in (each for each in inlined(lake) if (each.schema, each.table) == here):
        raise UnreadableRowsError(
            f"{name}: the catalog holds {held.rows} rows and {held.deletes} deletes of it,"
            " which an earlier release left there",
            declared="rows that DuckLake kept in its catalog",
            data="unchanged; its files were left as they are",
            next="watermain up, which writes them into files",
        )


def _prove_whole(
    lake: Lake, connection: duckdb.DuckDBPyConnection, name: DatasetName, old: list[str]
) -> None:
    """Read what is to be written again once more: damage must not be vouched for.

    Raises: DamagedDataError.
    """
    at = lake.snapshot(connection)
    files = [f for f in inventory(lake, [name], snapshot=at) if f.path in old]
    for found in damaged(verify(lake, connection, files)):
        raise DamagedDataError(
            f"{name}: {found.listed.file} of snapshot {at} is damaged: {found.why}",
            declared="the checksum in the ledger, upkeep.raw.checksums",
            data="unchanged; its files were left as they are",
            next=f"watermain verify {name}",
        )


def _merged(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    name: DatasetName,
    lease: Lease,
    old: list[str],
) -> Rewrite:
    target, snapshot = table(name), lake.snapshot(connection)
    where = _among(old)
    message = f"compact {len(old)} files of {name}"
    _prove_whole(lake, connection, name, old)
    ready(connection)
    with lake.transaction(connection, lease, message):
        standing = _files(connection, target)
        before = content(connection, f"(from {target} where {where})")
        connection.execute(
            f"create or replace temp table watermain_moved as from {target} where {where}"
        )
        connection.execute(f"delete from {target} where {where}")
        copied(connection, target, "watermain_moved")
        connection.execute("drop table watermain_moved")
        failpoint("compact.after_rows_before_proof")
        new = sorted(_files(connection, target) - standing)
        after = content(connection, f"(from {target} where {_among(new)})")
        prove(str(name), before, after)
        done = Rewrite(
            dataset=str(name),
            reason=COMPACTION,
            rows=after.rows,
            content_hash=after.hash,
            files_before=len(old),
            files_after=len(new),
            snapshot_before=snapshot,
            epoch=lease.epoch,
            rewritten_at=datetime.now(UTC),
        )
        record(connection, done)
        failpoint("compact.after_ledger_before_commit")
    return done


def _files(connection: duckdb.DuckDBPyConnection, target: str) -> set[str]:
    """The files of rows that the transaction sees, its own among them."""
    rows = connection.execute(f"select distinct filename from {target}").fetchall()
    return {str(row[0]) for row in rows}


def _among(paths: Sequence[str]) -> str:
    """Name the files as constants: only then does the engine leave the others closed."""
    return f"filename in ({', '.join(map(text, paths))})" if paths else "false"
