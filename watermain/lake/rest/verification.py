"""What became of data files since they were written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from watermain.failpoint import failpoint
from watermain.lake.lake import Lake
from watermain.lake.ledger import CHECKSUMS, VERIFICATIONS, create
from watermain.lake.rest.at_rest import AtRest
from watermain.lake.rest.checksum import Checksum
from watermain.lake.rest.inventory import Listed
from watermain.lake.rest.vouching import FIRST_SEEN, Vouched, vouch, vouched

WHOLE, DAMAGED, UNVOUCHED = "whole", "damaged", "not vouched for"
RECORDED = "upkeep.raw.verifications"
HANDS = 2
HANDS_AFAR = 8
_GIVEN = "watermain_verified"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A file and what was found: whole, damaged and why, or not vouched for by the ledger yet."""

    listed: Listed
    state: str
    why: str = ""
    checksum: Checksum | None = None


def verify(
    lake: Lake, connection: duckdb.DuckDBPyConnection, files: Sequence[Listed]
) -> Iterator[Verified]:
    """Read files once, each from its beginning to its end; tell of each in the order given.

    Raises: UnreachableSystemError, for a store that does not answer.
    """
    store = AtRest(lake.folder)
    with ThreadPoolExecutor(HANDS_AFAR if store.is_remote else HANDS) as pool:
        sums = pool.map(lambda f: _summed(store, f), files)  # reads while the ledger is asked
        known = vouched(connection, {f.dataset for f in files}) if files else {}
        for listed, found in zip(files, sums, strict=True):
            yield _verified(store, listed, found, known.get(listed.file))


def record(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    found: Sequence[Verified],
    *,
    run_id: str,
    now: datetime,
    partitions: Mapping[str, str] | None = None,
) -> None:
    """Keep what was found; vouch from now on for files that nothing vouched for.

    Guarantees: both in one lake transaction; such a checksum says that it was first seen then.
    Shapes: `partitions` are those of a file, by its path below the lake's folder.
    """
    if not found:
        return
    if not _has_tables(connection):
        create(connection)
    message = f"verify {len(found)} files by {run_id}"
    with (
        lake.fence.lease(RECORDED) as lease,
        lake.transaction(connection, lease, message),
    ):
        known = partitions or {}
        _keep(connection, [_row(f, run_id, now, known.get(f.listed.file)) for f in found])
        fresh = [
            Vouched(f.listed.dataset, f.listed.file, f.checksum, FIRST_SEEN, lease.epoch, now)
            for f in found
            if f.state == UNVOUCHED and f.checksum is not None
        ]
        vouch(connection, fresh)
        failpoint("verify.after_rows_before_commit")


def last_verified(connection: duckdb.DuckDBPyConnection) -> dict[str, datetime]:
    """When each file was last found whole, by its path below the lake's folder."""
    try:
        rows = connection.execute(
            f"select file, max(verified_at) from {VERIFICATIONS} where state <> ? group by 1",
            [DAMAGED],
        ).fetchall()
    except duckdb.CatalogException:
        return {}  # a ledger of before
    return {str(file): at for file, at in rows}


def damaged(found: Iterable[Verified]) -> list[Verified]:
    """Those that are damaged."""
    return [f for f in found if f.state == DAMAGED]


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the ledger is of this release."""
    try:
        connection.execute(f"select 1 from {VERIFICATIONS}, {CHECKSUMS} limit 0")
    except duckdb.CatalogException:
        return False
    return True


def _summed(store: AtRest, listed: Listed) -> Checksum | str:
    """The sum of a file, or why there is none."""
    try:
        return store.checksum(listed.path)
    except FileNotFoundError:
        return "the file is gone"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def _verified(
    store: AtRest, listed: Listed, found: Checksum | str, known: Vouched | None
) -> Verified:
    if isinstance(found, str):
        return Verified(listed=listed, state=DAMAGED, why=found)
    if known is not None and found == known.checksum:
        return Verified(listed=listed, state=WHOLE, checksum=found)
    right = listed.bytes if known is None else known.checksum.bytes
    why = ""
    if found.bytes != right:
        why = f"it holds {found.bytes} bytes, {right} were written"
    elif known is not None:
        why = "its bytes are not those that were written"
    else:
        why = _oddness(store, listed)
    state = DAMAGED if why else UNVOUCHED
    return Verified(listed=listed, state=state, why=why, checksum=found)


def _oddness(store: AtRest, listed: Listed) -> str:
    """What a file that nothing vouches for shows to be wrong by itself."""
    try:
        rows = store.rows(listed.path)
    except (pa.ArrowException, OSError) as error:
        return f"it is no Parquet file: {str(error).splitlines()[0][:100]}"
    return "" if rows == listed.rows else f"it holds {rows} rows, {listed.rows} were written"


def _row(found: Verified, run_id: str, now: datetime, partitions: str | None) -> dict[str, object]:
    listed = found.listed
    return {
        "dataset": listed.dataset,
        "file": listed.file,
        "bytes": listed.bytes,
        "snapshot": listed.begun,
        "last_snapshot": None if listed.ended is None else listed.ended - 1,
        "state": found.state,
        "why": found.why,
        "partitions": partitions or "",
        "run_id": run_id,
        "verified_at": now,
    }


def _keep(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, object]]) -> None:
    kinds = [pa.string(), pa.string(), pa.int64(), pa.int64(), pa.int64(), pa.string()]
    kinds += [pa.string(), pa.string(), pa.string(), pa.timestamp("us", "UTC")]
    schema = pa.schema(list(zip(rows[0], kinds, strict=True)))
    connection.register(_GIVEN, pa.Table.from_pylist([dict(r) for r in rows], schema=schema))
    connection.execute(f"insert into {VERIFICATIONS} by name from {_GIVEN}")
    connection.unregister(_GIVEN)
