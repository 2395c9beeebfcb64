"""Training sets: a spine with the features that were known at each row's instant."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from watermain.ahead import made_ahead
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError
from watermain.declare.feature import FeatureSet
from watermain.declare.feature_ref import Chosen, resolve
from watermain.declare.name import DatasetName
from watermain.engine.code.fingerprint import fingerprint
from watermain.engine.feature.point_in_time import Facts, Newest, Numbers, Slots, numbered
from watermain.engine.feature.spine import Spine, refused
from watermain.engine.feature.training_manifest import Manifest, PinnedTable
from watermain.engine.publish.damage import prove_whole
from watermain.lake.lake import Lake, quote
from watermain.lake.lake import table as lake_table
from watermain.lake.rest.pinned import pin
from watermain.settings import load_settings

AsOf = int | datetime | Manifest | None
Features = FeatureSet | Sequence[str] | str
BATCH_ROWS = 1_000_000
MOST_TABLES_AT_ONCE = 2  # each holds the spine and three batches in memory
ENTITIES = "watermain_entities"


@dataclass(frozen=True, kw_only=True)
class TrainingFrame:
    """The spine and its features, beside what it was made from.

    Shapes: `unvouched` counts the data files that were read although the ledger has no checksum of
    them yet: those of a release before checksums, until `watermain verify` has seen them.
    """

    rows: pa.Table
    manifest: Manifest
    unvouched: int = 0

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self.rows

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame."""
        frame: pd.DataFrame = self.rows.to_pandas()
        return frame

    def to_ibis(self) -> ibis.Table:
        """The rows as an ibis table in memory."""
        return ibis.memtable(self.rows)


@dataclass(frozen=True)
class Snapshot:
    """A state of the lake, and the moment that it was committed."""

    number: int
    at: datetime


@dataclass(frozen=True)
class OfflineStore:
    """Every feature that a lake holds, with all its past."""

    lake: Lake
    declared: Mapping[DatasetName, Dataset]

    def training_frame(
        self,
        spine: Any,
        features: Features,
        *,
        entities: Mapping[str, str] | None = None,
        at: str = "event_time",
        as_of: AsOf = None,
    ) -> TrainingFrame:
        """Join to each row of the spine what was known of its entity at its instant.

        Shapes and guarantees: `read.training_frame`.
        Guarantees: each data file that may answer is as it was written.
        Raises: TrainingSetError, UnknownFeatureError, UnknownDatasetError or DamagedDataError.
        """
        refs, team = asked(features)
        pinned = as_of if isinstance(as_of, Manifest) else None
        chosen = pinned.chosen(self.declared) if pinned else resolve(refs, self.declared, team)
        with self.lake.get_connection() as connection:
            snapshot = snapshot_of(connection, pinned.snapshot if pinned else as_of)
            given = Spine(spine, at=at, entities=entities or {}, until=snapshot.at)
            given.look_at(chosen)
            manifest = Manifest(
                snapshot=snapshot.number,
                snapshot_at=snapshot.at.isoformat(),
                branch=self.lake.branch,
                at=at,
                entities=dict(entities or {}),
                features=refs,
                tables=tuple(map(PinnedTable.of, chosen)),
                spine=fingerprint(given.rows),
                rows=given.rows.num_rows,
            )
            if pinned:
                pinned.refuse_other(manifest)
            unvouched = sum(self._unvouched(connection, c, given, snapshot) for c in chosen)
        rows = _beside(given.rows, chosen, self._joined(chosen, given, snapshot))
        result = fingerprint(rows)
        if pinned:
            pinned.refuse_other_result(result)
        manifest = replace(manifest, result=result)
        kept = timedelta(days=load_settings().training_days)
        pin(self.lake, snapshot.number, "a training set", kept)
        return TrainingFrame(rows=rows, manifest=manifest, unvouched=unvouched)

    def _unvouched(
        self,
        connection: duckdb.DuckDBPyConnection,
        chosen: Chosen,
        spine: Spine,
        snapshot: Snapshot,
    ) -> int:
        """See that the files which may answer are whole; count those that nothing vouches for."""
        source = f"{lake_table(chosen.dataset.name)} at (version => {snapshot.number})"
        look_at_columns(connection, chosen, source)
        found = prove_whole(
            self.lake,
            connection,
            chosen.dataset,
            snapshot=snapshot.number,
            time=spine.reach(chosen.feature.max_age),
            data="no training set was made",
        )
        return len(found)

    def _joined(self, chosen: Sequence[Chosen], spine: Spine, snapshot: Snapshot) -> list[pa.Table]:
        """The features of each table, a table or two at a time."""

        def join(each: Chosen) -> pa.Table:
            with self.lake.get_connection() as connection:
                return answers(connection, each, spine, snapshot)

        with ThreadPoolExecutor(MOST_TABLES_AT_ONCE) as pool:
            return list(pool.map(join, chosen))


def _beside(rows: pa.Table, chosen: Sequence[Chosen], joined: Sequence[pa.Table]) -> pa.Table:
    """The rows of a spine with the features of each table beside them."""
    for each, answered in zip(chosen, joined, strict=True):
        for label, column in zip(each.labels, answered.columns, strict=True):
            rows = rows.append_column(label, column)
    return rows


def asked(features: Features) -> tuple[tuple[str, ...], str | None]:
    """References to features, and the team that short ones belong to."""
    if isinstance(features, FeatureSet):
        kind, _, team = features.owner.partition(":")
        return features.features, team if kind == "team" else None
    return ((features,) if isinstance(features, str) else tuple(features)), None


def snapshot_of(connection: duckdb.DuckDBPyConnection, as_of: AsOf) -> Snapshot:
    """The newest snapshot, the one of that number, or the one that stood at that moment.

    Raises: TrainingSetError.
    """
    if isinstance(as_of, bool) or not isinstance(as_of, int | datetime | None):
        raise refused(
            f"`as_of` is a {type(as_of).__name__}",
            "give the number of a snapshot, an aware datetime or a manifest",
        )
    if isinstance(as_of, datetime) and as_of.utcoffset() is None:
        raise refused(f"`as_of` is {as_of.isoformat()} without a time zone", "give it one")
    column = "snapshot_id" if isinstance(as_of, int) else "snapshot_time"
    sign = "=" if isinstance(as_of, int) else "<="
    row = connection.execute(
        f"select snapshot_id, snapshot_time from lake.snapshots() where ? is null or"
        f" {column} {sign} ? order by snapshot_id desc limit 1",
        [as_of, as_of],
    ).fetchone()
    if row is not None:
        return Snapshot(int(row[0]), row[1].astimezone(UTC))
    ends = connection.execute(
        "select min(snapshot_id), min(snapshot_time), max(snapshot_id) from lake.snapshots()"
    ).fetchone() or (0, None, 0)
    when = (
        f"{as_of.isoformat()} is before" if isinstance(as_of, datetime) else f"{as_of} is none of"
    )
    raise refused(
        f"snapshot {when} what the lake still has",
        f"use one from {ends[0]} (of {ends[1]:%Y-%m-%dT%H:%M:%S%z}) to {ends[2]}",
        "the lake no longer has that snapshot, or never had it",
    )


def answers(
    connection: duckdb.DuckDBPyConnection, chosen: Chosen, spine: Spine, snapshot: Snapshot
) -> pa.Table:
    """The features of one table for each row of the spine.

    Guarantees: memory is bounded by the spine and three batches of facts, whatever the table has.
    """
    kinds = [chosen.dataset.contract.column(c).type for c in chosen.columns]
    schema = pa.schema(list(zip(chosen.columns, kinds, strict=True)))
    entity, values = numbered(spine.keys(chosen))
    slots = Slots(entity, spine.floor)
    newest = Newest(slots)
    source = f"{lake_table(chosen.dataset.name)} at (version => {snapshot.number})"
    look_at_columns(connection, chosen, source)
    if len(slots):
        at = spine.floor[slots.rows]
        with (
            closing(_facts(connection, chosen, source, values, at)) as read,
            closing(made_ahead((f, slots.first_that_sees(f)) for f in read)) as seen,
        ):
            for facts, slot in seen:
                newest.take(facts, slot)
    return newest.answers(spine.ceiling, chosen.feature.max_age, schema)


def _facts(
    connection: duckdb.DuckDBPyConnection,
    chosen: Chosen,
    source: str,
    values: Sequence[pa.Array],
    at: Numbers,
) -> Generator[Facts]:
    """Read the rows of the spine's entities that could be an answer, in batches."""
    names = [f"key_{n}" for n in range(len(values))]
    numbers = pa.array(np.arange(len(values[0])))
    connection.register("watermain_given", pa.table([numbers, *values], names=["number", *names]))
    connection.execute(f"create or replace temp table {ENTITIES} as from watermain_given")
    connection.unregister("watermain_given")
    try:
        sql, bounds = _query(chosen, source, at)
        knows = chosen.feature.known_at is not None
        for batch in connection.execute(sql, bounds).to_arrow_reader(BATCH_ROWS):
            times = [column.to_numpy() for column in batch.columns[: 2 + knows]]
            yield Facts(
                entity=times[0],
                event=times[1],
                known=times[2] if knows else None,
                features=batch.select(list(range(2 + knows, batch.num_columns))),
            )
    finally:
        connection.execute(f"drop table if exists {ENTITIES}")


def _query(chosen: Chosen, source: str, at: Numbers) -> tuple[str, list[int]]:
    """Rows that happened and were known before the last instant, but not too old for the first."""
    feature, event = chosen.feature, f"f.{quote(str(chosen.dataset.contract.event_time))}"
    times, last = [event], int(at.max())
    if feature.known_at is not None:
        times.append(f"f.{quote(feature.known_at)}")
    where = [f"{time} <= make_timestamptz(?)" for time in times]
    bounds = [last] * len(times)
    if feature.max_age is not None:
        where.append(f"{event} >= make_timestamptz(?)")
        bounds.append(int(at.min()) - feature.max_age // timedelta(microseconds=1))
    same = [f"f.{quote(name)} = e.key_{n}" for n, name in enumerate(feature.entity)]
    columns = [f"epoch_us({time})" for time in times]
    columns += [f"f.{quote(c)}" for c in chosen.columns]
    return (
        f"select e.number, {', '.join(columns)} from (from {source}) f join {ENTITIES} e"
        f" on {' and '.join(same)} where {' and '.join(where)}",
        bounds,
    )


def look_at_columns(connection: duckdb.DuckDBPyConnection, chosen: Chosen, source: str) -> None:
    """See that the snapshot has the table with all columns.

    Raises: UnknownDatasetError.
    """
    name, feature = chosen.dataset.name, chosen.feature
    times = [str(chosen.dataset.contract.event_time)]
    times += [feature.known_at] if feature.known_at else []
    wanted = ", ".join(quote(c) for c in (*feature.entity, *times, *chosen.columns))
    try:
        connection.execute(f"select {wanted} from {source} limit 0")
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        missing = isinstance(error, duckdb.BinderException)
        raise UnknownDatasetError(
            f"{name} has {'other columns' if missing else 'no rows'} in this snapshot",
            declared=chosen.dataset.declared,
            data="nothing was read",
            next=f"watermain materialize {name} --with-upstream",
        ) from error
