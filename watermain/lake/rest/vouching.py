"""The checksums of data files, kept in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from watermain.declare.name import DatasetName
from watermain.failpoint import failpoint
from watermain.lake.fence import Lease
from watermain.lake.ledger import CHECKSUMS
from watermain.lake.rest.at_rest import AtRest
from watermain.lake.rest.checksum import Checksum
from watermain.lake.written import Written

WRITTEN, FIRST_SEEN = "written", "first seen"
_GIVEN = "watermain_checksums"


class Vouched(NamedTuple):
    """What the ledger says of one file.

    Shapes: `file` is its path below the lake's folder; `origin` is `written`, when the sum was made
    by the transaction that wrote the file, or `first seen`, when a verification found the file
    without one and trusted it.
    """

    dataset: str
    file: str
    checksum: Checksum
    origin: str
    epoch: int
    vouched_at: datetime


def vouch_for_written(
    connection: duckdb.DuckDBPyConnection, written: Written, leases: Iterable[Lease]
) -> None:
    """Keep the checksum of each data file that the caller's transaction wrote.

    Guarantees: the sums commit with the files or not at all; of a file that the transaction took
    back none is kept.
    """
    now, rows = datetime.now(UTC), []
    found = _remote(connection, written) if written.is_remote else written.checksums()
    for lease in leases:
        name = DatasetName.parse(lease.dataset)
        inside = f"{name.schema}/{name.table}/"
        for path, summed in sorted(found.items()):
            file = path.removeprefix(written.folder)
            if file.startswith(inside):
                rows.append(Vouched(str(name), file, summed, WRITTEN, lease.epoch, now))
    vouch(connection, rows)
    failpoint("checksums.after_rows_before_commit")


def vouch(connection: duckdb.DuckDBPyConnection, rows: Sequence[Vouched]) -> None:
    """Add checksums inside the caller's transaction.

    A ledger of before, which has no table for them until the platform is started, keeps none: the
    engine cannot commit a new table with other rows of the ledger. A verification finds the files.
    """
    if not rows:
        return
    import pyarrow as pa  # needless to whom only reads

    columns = {n: [getattr(r, n) for r in rows] for n in Vouched._fields if n != "checksum"}
    columns |= {
        "bytes": [r.checksum.bytes for r in rows],
        "checksum": [r.checksum.text for r in rows],
    }
    connection.register(_GIVEN, pa.table(columns))
    with suppress(duckdb.CatalogException):
        connection.execute(f"insert into {CHECKSUMS} by name from {_GIVEN}")
    connection.unregister(_GIVEN)


def vouched(
    connection: duckdb.DuckDBPyConnection, datasets: Iterable[str] | None = None
) -> dict[str, Vouched]:
    """What the ledger says of each file of some datasets, or of all.

    Guarantees: of several words about one file the writer's counts, and then the first.
    """
    which = "" if datasets is None else " where dataset in (select unnest(?::varchar[]))"
    try:
        rows = connection.execute(
            f"select dataset, file, bytes, checksum, origin, epoch, vouched_at from {CHECKSUMS}"
            f"{which} qualify row_number() over (partition by file"
            f" order by origin = '{WRITTEN}' desc, vouched_at) = 1",
            [] if datasets is None else [list(datasets)],
        ).fetchall()
    except duckdb.CatalogException:
        return {}  # a ledger of before
    return {r[1]: Vouched(r[0], r[1], Checksum(r[2], r[3]), *r[4:]) for r in rows}


def _remote(connection: duckdb.DuckDBPyConnection, written: Written) -> dict[str, Checksum]:
    """The sums of files that a transaction wrote to a store, each object read back once."""
    store, found = AtRest(written.folder), {}
    for each in written.tables:
        listed = connection.execute(
            "select file from glob(?)", [f"{written.folder}{each}/**/*.parquet"]
        ).fetchall()
        for (path,) in listed:
            if path.rpartition("/")[2] >= written.oldest:
                found[path] = store.checksum(path)
    return found
