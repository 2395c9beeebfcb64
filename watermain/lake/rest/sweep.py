"""Files of a lake that no catalog names, taken away once they are old.

A writer that dies between writing its files and its commit leaves them behind; so does one whose
store went away before it could take them back. Nobody reads them; they only cost room.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from watermain.clock import Clock
from watermain.declare.errors import LostLeaseError
from watermain.failpoint import failpoint
from watermain.lake.branch import branches
from watermain.lake.catalog import unreachable
from watermain.lake.lake import Lake
from watermain.lake.rest.lake_files import UNCHANGED, LakeFile, LakeFiles, lake_files
from watermain.settings import load_settings

GRACE = timedelta(hours=24)
LEASE_WAIT_SECONDS = 5.0
SKEW = timedelta(minutes=5)  # by which the clocks of the catalog and the store may differ
_OURS = re.compile(r"ducklake-[0-9a-f-]{36}(-delete|-deletes)?\.(parquet|puffin)")
_NAMING = (
    "ducklake_data_file",
    "ducklake_delete_file",
    "ducklake_files_scheduled_for_deletion",
)
Holding = Callable[[str], AbstractContextManager[object]]
_OLDEST = """
select min(xact_start) from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
"""
_CATALOGS = """
select table_schema, table_name from information_schema.tables where table_name = any(%s)
"""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep did: files taken away, those too young and those whose writer is at work.

    Units: `bytes` of what was taken away. `foreign` are files that the platform did not write.
    """

    files: tuple[str, ...] = ()
    bytes: int = 0
    young: int = 0
    held: int = 0
    foreign: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


def sweep(lake: Lake, *, older_than: timedelta = GRACE, clock: Clock | None = None) -> Swept:
    """Take away what no catalog names, neither the lake's nor a branch's.

    Guarantees: a file is deleted only while the lease on its dataset is held, after the catalogs
    were read again, and when it is older than `older_than` as well as than every transaction that
    is open on the catalog; that age alone protects the ledger's files, which each writer writes.
    What the platform did not write is left alone.
    Raises: UnreachableSystemError.
    """
    oldest = min((clock or Clock()).now() - older_than, begun(lake) - SKEW)
    known = {branch.name for branch in branches(lake)}
    main = _swept(
        lake,
        lake.folder,
        oldest,
        lambda path: lake.fence.lease(_dataset(path), wait_seconds=LEASE_WAIT_SECONDS),
    )
    beside = f"{lake.folder.rstrip('/')}.branches/"

    def of_branch(path: str) -> AbstractContextManager[object]:
        name, _, rest = path.partition("/")
        if name not in known:
            return nullcontext()  # it was dropped: nobody writes there
        fence = lake.on(name).fence
        return fence.lease(_dataset(rest), wait_seconds=LEASE_WAIT_SECONDS)

    return main + _swept(lake, beside, oldest, of_branch)


def begun(lake: Lake) -> datetime:
    """When the transaction began that is open on the catalog for longest; never without one."""
    try:
        with psycopg.connect(lake.dsn()) as connection:
            row = connection.execute(_OLDEST).fetchone()
    except psycopg.OperationalError as error:
        raise unreachable(error, data=UNCHANGED) from error
    return row[0] if row and row[0] is not None else datetime.max.replace(tzinfo=UTC)


def _swept(lake: Lake, folder: str, oldest: datetime, held: Holding) -> Swept:
    """Sweep one folder, file by file of one dataset under its lease."""
    files, named = lake_files(folder, load_settings()), _named(lake)
    young = foreign = 0
    waiting: dict[str, list[LakeFile]] = defaultdict(list)
    for each in files.listed():
        if not _OURS.fullmatch(each.name):
            foreign += 1
        elif each.name in named and not each.upload:
            continue
        elif each.at > oldest:
            young += 1
        else:
            waiting[each.path.rpartition("/")[0]].append(each)
    swept = Swept(young=young, foreign=foreign)
    for _, found in sorted(waiting.items()):
        swept += _taken(lake, files, found, held)
    return swept


def _taken(lake: Lake, files: LakeFiles, found: list[LakeFile], held: Holding) -> Swept:
    """Delete what one folder holds in vain, unless its writer is at work."""
    try:
        with held(found[0].path):
            named = _named(lake)
            free = [each for each in found if each.upload or each.name not in named]
            failpoint("sweep.before_delete")
            files.remove(free)
    except LostLeaseError:
        return Swept(held=len(found))
    paths = tuple(each.path for each in free)
    return Swept(files=paths, bytes=sum(each.size for each in free))


def _dataset(path: str) -> str:
    """The dataset in whose folder a file lies, or the folder itself where it is none's."""
    schema, _, rest = path.partition("/")
    team, _, stage = schema.rpartition("_")
    return f"{team}.{stage}.{rest.partition('/')[0]}"


def _named(lake: Lake) -> frozenset[str]:
    """The last parts of all paths that any catalog of the database names.

    A name is made from time and chance, and is thus unique: a file is spared wherever it is named.
    """
    try:
        with psycopg.connect(lake.dsn()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            tables = connection.execute(_CATALOGS, [list(_NAMING)]).fetchall()
            paths = (
                str(row[0])
                for schema, table in tables
                for row in connection.execute(
                    sql.SQL("select path from {}").format(sql.Identifier(schema, table))
                )
            )
            return frozenset(path.rpartition("/")[2] for path in paths)
    except psycopg.OperationalError as error:
        raise unreachable(error, data=UNCHANGED) from error
