"""Tables of older lakes written into files, with proof."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb

from watermain.declare.errors import LostLeaseError, UnreadableRowsError
from watermain.failpoint import failpoint
from watermain.lake.branch import branches
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, quote, table, text
from watermain.lake.rest.inlined import Inlined, catalog, inlined
from watermain.lake.rest.inlined_struct import recovered, structs
from watermain.lake.rest.rewrite import Rewrite, content, prove, ready, record
from watermain.lake.rest.signed_zero import copied

REASON = "into files"
WAIT_SECONDS = 5.0
_MOVED = "watermain_moved"


def settle(lake: Lake) -> Iterator[Rewrite | LostLeaseError | UnreadableRowsError]:
    """Write each table anew of which the catalog holds rows or deletes, in the branches, too.

    Guarantees: each table in a transaction of its own under its lease, proved by counts and
    hashes and written down; older snapshots are read as before; done again it finds nothing to do.
    What cannot be moved now is told, and its table is left untouched.
    """
    for place in (lake, *(lake.on(branch.name) for branch in branches(lake))):
        for held in inlined(place):
            try:
                yield from _settled(place, held)
            except (LostLeaseError, UnreadableRowsError) as error:
                yield error


def _settled(lake: Lake, held: Inlined) -> Iterator[Rewrite]:
    name = str(held.name)
    with lake.fence.lease(name, wait_seconds=WAIT_SECONDS) as lease:
        for now in (each for each in inlined(lake) if each.table_id == held.table_id):
            with lake.get_connection() as connection:
                yield _rebuilt(lake, connection, now, lease)


def _rebuilt(
    lake: Lake, connection: duckdb.DuckDBPyConnection, held: Inlined, lease: Lease
) -> Rewrite:
    name, target, snapshot = str(held.name), table(held.name), lake.snapshot(connection)
    shape = connection.execute(f"describe {target}").fetchall()
    files, cut, options = _files(connection, held), _cut(lake, held), _options(lake, held)
    ready(connection)
    with lake.transaction(connection, lease, f"write {name} into files") as written:
        _move(lake, connection, held, {str(row[0]): str(row[1]) for row in shape})
        before = content(connection, _MOVED)
        connection.execute(f"drop table {target}")
        columns = ", ".join(f"{quote(str(row[0]))} {row[1]}" for row in shape)
        connection.execute(f"create table {target} ({columns})")
        if cut:
            connection.execute(f"alter table {target} set partitioned by ({', '.join(cut)})")
        copied(connection, target, _MOVED)
        failpoint("files.after_rows_before_proof")
        prove(name, before, content(connection, target))
        connection.execute(f"drop table {_MOVED}")
        written.sync()
        done = Rewrite(
            dataset=name,
            reason=REASON,
            rows=before.rows,
            content_hash=before.hash,
            files_before=len(files),
            files_after=len([p for p in written.paths if f"/{held.table}/" in p]),
            snapshot_before=snapshot,
            epoch=lease.epoch,
            rewritten_at=datetime.now(UTC),
        )
        record(connection, done)
        failpoint("files.after_ledger_before_commit")
    for option, value in options:
        connection.execute(
            f"call lake.set_option({text(option)}, {text(value)},"
            f" schema => {text(held.schema)}, table_name => {text(held.table)})"
        )
    return done


def _move(
    lake: Lake, connection: duckdb.DuckDBPyConnection, held: Inlined, shape: dict[str, str]
) -> None:
    """Gather every row of a table; of structs in the catalog what was written, not what is read.

    Raises: UnreadableRowsError.
    """
    target = table(held.name)
    odd = structs(lake, held) if held.rows else []
    if not odd:
        connection.execute(f"create or replace temp table {_MOVED} as from {target}")
        return
    whole = recovered(lake, held, {name: shape[name] for name in odd})
    if whole is None:
        raise UnreadableRowsError(
            f"{held.name}: of {held.rows} rows that the catalog holds, structs in"
            f" {', '.join(f'`{n}`' for n in odd)} cannot be read back as they were published",
            declared=f"snapshot {_newest(lake)}, rows that DuckLake kept in its catalog",
            data="unchanged; do not read these columns, the engine may end itself",
            next=f"watermain replay {held.name}; a captured one, capture under a new name",
        )
    connection.register("watermain_whole", whole)
    plain = ", ".join(quote(n) for n in shape if n not in odd) or "null as _none"
    connection.execute(
        f"create or replace temp table watermain_plain as select rowid as _row, {plain}"
        f" from {target} where rowid in (select _row from watermain_whole)"
    )
    columns = ", ".join(f"{quote(n)} {kind}" for n, kind in shape.items())
    connection.execute(f"create or replace temp table {_MOVED} ({columns})")
    if files := _files(connection, held):  # named, so that the catalog's rows are not looked at
        listed = ", ".join(map(text, files))
        connection.execute(f"insert into {_MOVED} from {target} where filename in ({listed})")
    connection.execute(
        f"insert into {_MOVED} by name select * exclude (_row)"
        " from watermain_plain join watermain_whole using (_row)"
    )
    connection.execute("drop table watermain_plain")
    connection.unregister("watermain_whole")


def _files(connection: duckdb.DuckDBPyConnection, held: Inlined) -> list[str]:
    rows = connection.execute(
        "select data_file from ducklake_list_files('lake', ?, schema => ?)",
        [held.table, held.schema],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _newest(lake: Lake) -> int:
    with lake.get_connection() as connection:
        return lake.snapshot(connection)


def _cut(lake: Lake, held: Inlined) -> list[str]:
    """How the table is partitioned, as SQL."""
    with catalog(lake) as connection:
        rows = connection.execute(
            "select c.column_name, p.transform from ducklake_partition_info as i"
            " join ducklake_partition_column as p using (partition_id, table_id)"
            " join ducklake_column as c using (table_id, column_id)"
            " where i.end_snapshot is null and c.end_snapshot is null and table_id = %s"
            " order by p.partition_key_index",
            (held.table_id,),
        ).fetchall()
    return [quote(n) if how == "identity" else f"{how}({quote(n)})" for n, how in rows]


def _options(lake: Lake, held: Inlined) -> list[tuple[str, str]]:
    """What was set for the table, which its successor has to be told again."""
    with catalog(lake) as connection:
        rows = connection.execute(
            "select key, value from ducklake_metadata where scope = 'table' and scope_id = %s"
            " and key = 'parquet_version'",
            (held.table_id,),
        ).fetchall()
    return [(key, value.removeprefix("V")) for key, value in rows]
