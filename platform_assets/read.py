"""What a consumer of the platform's data imports."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from platform_assets.build.declared import feature_tables
from platform_assets.build.training import AsOf, Features, OfflineStore, TrainingFrame
from platform_assets.build.training_manifest import Manifest
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import (
    InvalidDeclarationError,
    TerminalError,
    UnknownDatasetError,
    quoted,
)
from platform_assets.declare.name import DatasetName
from resources.lake import Lake
from resources.lake import table as lake_table

Names = Callable[[], Mapping[DatasetName, Dataset]]
__all__ = ["Answer", "Manifest", "TrainingFrame", "query", "table", "training_frame"]
HARMLESS = ("range", "generate_series", "unnest")


class RefusedQueryError(TerminalError):
    """Refuse a query that is not one reading statement over declared datasets."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The rows of a query with the one snapshot that they were read from."""

    rows: pa.Table
    snapshot: int


def table(
    name: str,
    *,
    columns: tuple[str, ...] = (),
    snapshot: int | None = None,
    lake: Lake | None = None,
) -> pa.Table:
    """Read a dataset as it stands, or as it stood in a snapshot."""
    wanted = ", ".join('"' + c.replace('"', '""') + '"' for c in columns) or "*"
    return query(
        f"select {wanted} from {DatasetName.parse(name)}", snapshot=snapshot, lake=lake
    ).rows


def training_frame(
    spine: Any,
    features: Features,
    *,
    entities: Mapping[str, str] | None = None,
    at: str = "event_time",
    as_of: AsOf = None,
    lake: Lake | None = None,
) -> TrainingFrame:
    """Join to each row of the spine what was known of its entity at its instant.

    Shapes: the spine is an Arrow, pandas or ibis table, `at` its column of instants; a reference
    is `team.features.table`, with `@2` for a version, `:feature` for one feature, or a feature set
    is given; `entities` maps an entity's column to the spine's where they are named differently.
    `as_of` is a snapshot's number, an aware moment, the manifest of an earlier call, or nothing
    for the newest snapshot.
    Guarantees: every row of the spine, in its order, once; of an entity's rows whose event time,
    whose known-at are at or before the instant, the one with the newest event time (among those
    the latest known), null where that is older than the table's max age; the manifest makes the
    same call return the same values.
    Raises: TrainingSetError, UnknownFeatureError, UnknownDatasetError.
    """
    store = OfflineStore(lake or Lake.from_settings(), feature_tables())
    return store.training_frame(spine, features, entities=entities, at=at, as_of=as_of)


def query(
    sql: str, *, snapshot: int | None = None, lake: Lake | None = None, declared: Names = dict
) -> Answer:
    """Answer one reading statement whose tables are dataset names.

    Shapes: `declared` gives what the rooms declare by name, asked only for a better error.
    Guarantees: every dataset is read from the same snapshot; nothing is written.
    Raises: RefusedQueryError, UnknownDatasetError.
    """
    tree = parse(sql)
    lake = lake or Lake.from_settings()
    with lake.get_connection() as connection:
        newest = lake.snapshot(connection)
        at = newest if snapshot is None else _known(snapshot, newest, connection)
        pinned = pin(tree, at, _published(connection), declared)
        connection.execute("begin transaction read only")
        try:
            rows = connection.execute(pinned).to_arrow_table()
        except duckdb.Error as error:
            raise _refused(str(error).split("\n")[0][:300]) from error
    return Answer(rows=rows, snapshot=at)


def parse(sql: str) -> exp.Query:
    """Read the statement.

    Raises: RefusedQueryError, unless it is exactly one `select` or `with`.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, dialect="duckdb") if s is not None]
    except sqlglot.errors.SqlglotError as error:
        raise _refused(str(error).split("\n")[0]) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        kinds = ", ".join(type(s).__name__.lower() for s in statements) or "nothing"
        raise _refused(f"one `select` or `with` is allowed, this is: {kinds}")
    writing = statements[0].find(exp.DML, exp.DDL, exp.Command, exp.Into)
    if writing is not None and not isinstance(writing, exp.Query):
        raise _refused(f"one `select` or `with` is allowed, this holds: {writing.key}")
    return statements[0]


def pin(
    tree: exp.Query, snapshot: int, published: frozenset[DatasetName], declared: Names = dict
) -> str:
    """Rewrite dataset names to the lake's tables, each as of the snapshot.

    Raises: UnknownDatasetError, RefusedQueryError.
    """
    local = {cte.alias for cte in tree.find_all(exp.CTE)}
    for found in list(tree.find_all(exp.Table)):
        if not isinstance(found.this, exp.Identifier | exp.Dot):
            _check_function(found)
            continue
        words = [part.name for part in found.parts]
        if len(words) == 1 and words[0] in local:
            continue
        name = _dataset(words, published, declared)
        alias = found.alias or name.table
        joins, laterals = found.args.get("joins"), found.args.get("laterals")
        at = f"(select * from {lake_table(name)} at (version => {snapshot}))"
        fresh = exp.Table(
            this=exp.Var(this=at),
            alias=found.args.get("alias") or exp.TableAlias(this=exp.to_identifier(alias)),
            joins=joins,
            laterals=laterals,
            pivots=found.args.get("pivots"),
            sample=found.args.get("sample"),
        )
        found.replace(fresh)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
        column.set("catalog", None)
    return tree.sql(dialect="duckdb")


def _check_function(found: exp.Table) -> None:
    function = found.this
    name = function.name if isinstance(function, exp.Anonymous) else function.key
    if name.lower().replace("generateseries", "generate_series") not in HARMLESS:
        raise _refused(f"the table function `{name}` reads something that is no dataset")


def _dataset(words: list[str], published: frozenset[DatasetName], declared: Names) -> DatasetName:
    text = ".".join(words)
    try:
        name = DatasetName.parse(text)
    except InvalidDeclarationError:
        name = None
    if name is not None and name in published:
        return name
    known = declared()
    if name is not None and name in known:
        raise UnknownDatasetError(
            f"`{name}` is declared, but nothing of it is published yet in this snapshot",
            declared=known[name].declared,
            data="nothing was read",
            next=f"watermain materialize {name} --with-upstream",
        )
    names = sorted(str(n) for n in {*known, *published})
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.6) or names
    raise UnknownDatasetError(
        f"no room declares the dataset `{text}`",
        declared="nowhere in platform_assets/",
        data="nothing was read",
        next=f"use one of {quoted(near)}",
    )


def _published(connection: duckdb.DuckDBPyConnection) -> frozenset[DatasetName]:
    """Every dataset that has a table, whether or not its room loads."""
    rows = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
    ).fetchall()
    found = set()
    for schema, table_name in rows:
        team, _, stage = str(schema).rpartition("_")
        try:
            found.add(DatasetName(team, stage, str(table_name)))
        except InvalidDeclarationError:
            continue  # a table of somebody else's making
    return frozenset(found)


def _known(snapshot: int, newest: int, connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(
        "select min(snapshot_id), count(*) filter (where snapshot_id = ?) from lake.snapshots()",
        [snapshot],
    ).fetchone()
    if row is not None and row[1]:
        return snapshot
    oldest = row[0] if row else 0
    raise UnknownDatasetError(
        f"snapshot {snapshot} is not in the lake",
        declared=f"its snapshots run from {oldest} to {newest}",
        data="nothing was read",
        next=f"use --snapshot {newest}, or leave it out",
    )


def _refused(reason: str) -> RefusedQueryError:
    return RefusedQueryError(
        f"the query was not run: {reason}",
        declared="platform_assets/read.py  one reading statement over declared datasets",
        data="unchanged",
        next='watermain sql "select * from operations.curated.flights limit 5"',
    )
