"""Files of a lake that no catalog names, taken away once they are old.

A writer that dies between writing its files and its commit leaves them behind; so does one whose
store went away before it could take them back. Nobody reads them, they only cost room.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg import sql

from platform_assets.declare.errors import LostLeaseError
from platform_assets.declare.name import STAGES, DatasetName
from resources.catalog import unreachable
from resources.clock import Clock
from resources.failpoint import failpoint
from resources.lake import Lake
from resources.lake_files import UNCHANGED, Kept, LakeFiles, lake_files
from resources.settings import load_settings

GRACE = timedelta(hours=24)
LEASE_WAIT_SECONDS = 5.0
_OURS = re.compile(r"ducklake-[0-9a-f-]{36}(-delete|-deletes)?\.(parquet|puffin)")
_NAMING = (
    "ducklake_data_file",
    "ducklake_delete_file",
    "ducklake_files_scheduled_for_deletion",
)
_CATALOGS = """
select table_schema, table_name from information_schema.tables where table_name = any(%s)
"""


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep did: files taken away, those too young, those whose writer is at work.

    Units: `bytes` of what was taken away. `foreign` are files that the platform did not write.
    """

    files: tuple[str, ...] = ()
    bytes: int = 0
    young: int = 0
    held: int = 0
    foreign: int = 0


def sweep(lake: Lake, *, older_than: timedelta = GRACE, clock: Clock | None = None) -> Swept:
    """Take away what no catalog names, neither the lake's nor a branch's.

    Guarantees: a file is deleted only while the lease on its dataset is held, after the catalogs
    were read again, and when it is older than `older_than`; that age alone protects the ledger's
    files, which each writer writes. What the platform did not write is left alone.
    Raises: UnreachableSystemError.
    """
    settings, now = load_settings(), (clock or Clock()).now()
    files = lake_files(lake.folder, settings)
    young = foreign = 0
    waiting: dict[str, list[Kept]] = defaultdict(list)
    named = _named(lake)
    for each in files.listed():
        if not _OURS.fullmatch(each.name):
            foreign += 1
        elif each.name not in named or each.upload:
            if now - each.at < older_than:
                young += 1
            else:
                waiting[_dataset(each)].append(each)
    gone, held = _taken(lake, files, waiting)
    return Swept(
        files=tuple(sorted(each.path for each in gone)),
        bytes=sum(each.size for each in gone),
        young=young,
        held=held,
        foreign=foreign,
    )


def _taken(lake: Lake, files: LakeFiles, waiting: dict[str, list[Kept]]) -> tuple[list[Kept], int]:
    """Delete dataset by dataset under its lease; give what went, how many are held."""
    gone: list[Kept] = []
    held = 0
    for dataset, found in sorted(waiting.items()):
        try:
            with lake.fence.lease(dataset, wait_seconds=LEASE_WAIT_SECONDS):
                named = _named(lake)
                free = [each for each in found if each.upload or each.name not in named]
                failpoint("sweep.before_delete")
                files.remove(free)
                gone += free
        except LostLeaseError:
            held += len(found)
    return gone, held


def _dataset(file: Kept) -> str:
    """The dataset in whose folder a file lies, or the folder itself where it is none's."""
    schema, _, rest = file.path.partition("/")
    team, _, stage = schema.rpartition("_")
    name = rest.partition("/")[0]
    if team and stage in STAGES and name:
        return str(DatasetName(team, stage, name))
    return schema


def _named(lake: Lake) -> frozenset[str]:
    """The last parts of all paths that any catalog of the database names.

    A name is made from time and chance, thus unique: a file is spared wherever it is named.
    """
    try:
        with psycopg.connect(lake.dsn()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            tables = connection.execute(_CATALOGS, [list(_NAMING)]).fetchall()
            rows: Iterable[tuple[str]] = (
                row
                for schema, table in tables
                for row in connection.execute(
                    sql.SQL("select path from {}").format(sql.Identifier(schema, table))
                )
            )
            return frozenset(path.rpartition("/")[2] for (path,) in rows)
    except psycopg.OperationalError as error:
        raise unreachable(error, data=UNCHANGED) from error
