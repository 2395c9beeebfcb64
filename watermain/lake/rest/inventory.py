"""The data files that the lake's catalog lists, those of older snapshots among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from watermain.lake.fence import unreachable
from watermain.lake.lake import Lake

DATA, DELETES = "data", "deletes"
_FILES = """
with tables as (
    select distinct on (table_id) table_id, schema_id, table_name, path, path_is_relative
    from {catalog}.ducklake_table order by table_id, begin_snapshot desc
), schemas as (
    select distinct on (schema_id) schema_id, schema_name, path, path_is_relative
    from {catalog}.ducklake_schema order by schema_id, begin_snapshot desc
), files as (
    select data_file_id, 'data' as kind, table_id, path, path_is_relative, file_size_bytes,
        record_count as rows, begin_snapshot, end_snapshot
    from {catalog}.ducklake_data_file
    union all
    select data_file_id, 'deletes', table_id, path, path_is_relative, file_size_bytes,
        delete_count, begin_snapshot, end_snapshot
    from {catalog}.ducklake_delete_file
)
select f.data_file_id, f.kind, s.schema_name, t.table_name,
    case when not f.path_is_relative then f.path else
        (case when not t.path_is_relative then '' else
            (case when not s.path_is_relative then '' else %(folder)s end) || s.path end)
        || t.path || f.path end as path,
    f.file_size_bytes, f.rows, f.begin_snapshot, f.end_snapshot
from files f join tables t using (table_id) join schemas s using (schema_id)
where (%(snapshot)s::bigint is null or f.begin_snapshot <= %(snapshot)s
    and (f.end_snapshot is null or f.end_snapshot > %(snapshot)s))
and (%(tables)s::text[] is null or s.schema_name || '.' || t.table_name = any(%(tables)s))
order by f.begin_snapshot desc, path
"""
_SPREAD = """
select distinct on (data_file_id) data_file_id, min_value, max_value
from {catalog}.ducklake_file_column_stats as found
join {catalog}.ducklake_column as named using (table_id, column_id)
where data_file_id = any(%(files)s) and column_name = %(column)s
order by data_file_id, named.begin_snapshot desc
"""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file as the catalog lists it.

    Shapes: `file` is the path below the lake's folder; one of deletes has the number of the data
    file whose rows it deletes; `ended` is the first snapshot without it, or None while it is read.
    """

    number: int
    kind: str
    dataset: str
    path: str
    file: str
    bytes: int
    rows: int
    begun: int
    ended: int | None

    @property
    def is_read(self) -> bool:
        """Whether the present snapshot has the file."""
        return self.ended is None


def inventory(
    lake: Lake, datasets: Iterable[object] | None = None, *, snapshot: int | None = None
) -> list[Listed]:
    """Every file of some datasets or of all, the newest first; of one snapshot where it is named.

    Guarantees: deletes of a data file are listed beside it.
    """
    names = None if datasets is None else [_table(str(d)) for d in datasets]
    words = {"folder": _folder(lake.folder), "snapshot": snapshot, "tables": names}
    return [
        Listed(
            number=int(row[0]),
            kind=str(row[1]),
            dataset=".".join((*str(row[2]).rsplit("_", 1), str(row[3]))),
            path=str(row[4]),
            file=below(lake, str(row[4])),
            bytes=int(row[5]),
            rows=int(row[6]),
            begun=int(row[7]),
            ended=row[8],
        )
        for row in _asked(lake, _FILES, words)
    ]


def spread(lake: Lake, files: Iterable[Listed], column: str) -> Mapping[int, tuple[str, str]]:
    """The least and the greatest value of a column in data files, where the catalog has them."""
    words = {"files": sorted({f.number for f in files}), "column": column}
    rows = _asked(lake, _SPREAD, words)
    return {int(r[0]): (str(r[1]), str(r[2])) for r in rows if None not in r}


def below(lake: Lake, path: str) -> str:
    """A file's path below the folder of the lake, or of the branch that wrote it."""
    trunk = lake.folder.removesuffix(f".branches/{lake.branch}/") if lake.branch else lake.folder
    for folder in (lake.folder, trunk):
        if path.startswith(_folder(folder)):
            return path.removeprefix(_folder(folder))
    return path


def _asked(lake: Lake, query: str, words: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    catalog = sql.Identifier(lake.schema_of_catalog if lake.branch else "public")
    try:
        with psycopg.connect(lake.catalog) as connection:
            return connection.execute(sql.SQL(query).format(catalog=catalog), words).fetchall()
    except psycopg.OperationalError as error:
        raise unreachable(error, data="unchanged") from error


def _table(dataset: str) -> str:
    team, stage, name = dataset.split(".")
    return f"{team}_{stage}.{name}"


def _folder(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"
