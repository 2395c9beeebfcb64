"""What an online store must be told between two cursors, found in the lake's snapshots.

The answers are temporary tables: `online_fresh` (rows that came, changed or whose time has come),
`online_gone` (rows that counted before and no longer do) and `online_newest` (of each entity of
both, the newest row that there is now).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.feature.online_row import (
    columns_sql,
    due_sql,
    entity_sql,
    event_sql,
    instant_sql,
    key_sql,
    newest_sql,
    rows_sql,
    value_sql,
)
from watermain.engine.table.partition import spans
from watermain.lake import ledger
from watermain.lake.lake import Lake, quote, text
from watermain.online.protocol import Cursor

_TABLE = """
with made as (
    select t.table_id, t.begin_snapshot
    from {schema}.ducklake_table as t join {schema}.ducklake_schema as s using (schema_id)
    where t.end_snapshot is null and s.end_snapshot is null and {of}
)
select (select max(begin_snapshot) from made) as born,
    exists (select from {schema}.ducklake_snapshot where snapshot_id = {snapshot}) as is_kept,
    not exists (
        select from {schema}.ducklake_column join made using (table_id)
        where greatest(ducklake_column.begin_snapshot, end_snapshot) > {snapshot}
    ) as is_shaped
"""


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """The versions of one feature table that a lake still has."""

    dataset: Dataset
    lake: Lake
    connection: duckdb.DuckDBPyConnection

    def has(self, snapshot: int) -> bool:
        """Whether the table of today can be read, in its shape of today, as of a snapshot."""
        born, is_kept, is_shaped = self._of(snapshot)
        return is_kept and is_shaped and born is not None and born <= snapshot

    def exists(self) -> bool:
        """Whether anything of the table was ever published."""
        return self._of(0)[0] is not None

    def _of(self, snapshot: int) -> tuple[int | None, bool, bool]:
        """When the table was made, one made anew last; whether a snapshot is kept; its columns.

        The catalog is asked once and in its own words: to read a table of it, or all snapshots,
        through the engine takes several times as long.
        """
        schema = quote(self.lake.schema_of_catalog if self.lake.branch else "public")
        name = self.dataset.name
        asked = _TABLE.format(
            schema=schema,
            of=f"s.schema_name = {text(name.schema)} and t.table_name = {text(name.table)}",
            snapshot=snapshot,
        )
        row = self.connection.execute(
            f"from postgres_query('__ducklake_metadata_lake', {text(asked)})"
        ).fetchone()
        assert row is not None
        return None if row[0] is None else int(row[0]), bool(row[1]), bool(row[2])


def find_changes(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, since: Cursor, aim: Cursor
) -> None:
    """Fill the three tables.

    Guarantees: only partitions that the ledger says were published are compared, and the rows
    whose time has come since; an entity's newest row is its newest in the whole table.
    """
    columns = columns_sql(dataset)
    then, now = (
        rows_sql(dataset, since.snapshot, since.until_us),
        rows_sql(dataset, aim.snapshot, aim.until_us),
    )
    moved = _moved(connection, dataset, since, aim)
    old, new = (f"select {columns} from ({rows}) where {moved}" for rows in (then, now))
    due = f"select {columns} from ({now}) where {due_sql(dataset, since.until_us)}"
    connection.execute(
        f"create or replace temp table online_fresh as ({new} except {old}) union {due}"
    )
    connection.execute(f"create or replace temp table online_gone as {old} except {new}")
    entity = entity_sql(dataset)
    touched = f"select {entity} from online_fresh union select {entity} from online_gone"
    candidates = (
        f"select {columns} from ({now}) as r semi join ({touched}) as touched using ({entity})"
        f" where {_floor(connection, dataset)}"
    )
    connection.execute(
        f"create or replace temp table online_newest as {newest_sql(dataset, candidates)}"
    )


def corrections_sql(dataset: Dataset) -> str:
    """The rows that are gone, each with what takes its place, as CORRECTIONS of a store."""
    event, entity = quote(str(dataset.contract.event_time)), entity_sql(dataset)
    return f"""
        select encode({key_sql(dataset, "g.")}) as key, {event_sql(dataset, "g.")} as seen_us,
            {event_sql(dataset, "n.")} as event_us,
            case when n.{event} is not null then encode({value_sql(dataset, "n.")}) end as value
        from (select distinct {entity}, {event} from online_gone) as g
        left join online_newest as n using ({entity})
        where n.{event} is null or n.{event} < g.{event}
    """


def _moved(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, since: Cursor, aim: Cursor
) -> str:
    """The condition that a row lies in a partition published between two snapshots."""
    if since.snapshot == aim.snapshot:
        return "false"
    keys = ledger.partitions_between(connection, dataset.name, since.snapshot, aim.snapshot)
    if not keys:
        return "false"
    if dataset.cadence is None or "" in keys:
        return "true"
    cuts = [span.filter(dataset.contract) for span in spans(dataset.cadence, sorted(keys))]
    return "(" + " or ".join(f"({cut})" for cut in cuts) + ")"


def _floor(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> str:
    """A condition that the newest row of every touched entity meets, to read fewer files.

    What is gone may leave a row of any age as the newest; what came is itself a candidate.
    """
    row = connection.execute(
        f"select min({event_sql(dataset)}), (select count(*) from online_gone) from online_fresh"
    ).fetchone()
    if row is None or row[1]:
        return "true"
    if row[0] is None:
        return "false"
    return f"{quote(str(dataset.contract.event_time))} >= {instant_sql(int(row[0]))}"
