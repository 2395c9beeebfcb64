"""The storage partitions of a table, taken away while files of others are registered in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import psycopg

from watermain.declare.dataset import Dataset
from watermain.engine.table.partition import layout
from watermain.failpoint import failpoint
from watermain.lake.catalog import unreachable
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, table

_CUT = """
select 1 from ducklake_partition_info as p
join ducklake_table as t using (table_id) join ducklake_schema as s using (schema_id)
where s.schema_name = %s and t.table_name = %s
  and p.end_snapshot is null and t.end_snapshot is null and s.end_snapshot is null
"""


@dataclass(kw_only=True)
class Uncut:
    """A table that takes files as they are.

    DuckLake takes a file into a table with storage partitions only from folders that name these,
    and nothing besides. Files keep the partitions that the table had when they came, and the ends
    of their columns lead readers as well; so the partitions are taken away for the while.
    Guarantees: whatever ends the block, readers and writers see right rows; who adopts again after
    a kill leaves the table cut as declared.
    """

    lake: Lake
    connection: duckdb.DuckDBPyConnection
    dataset: Dataset
    lease: Lease
    is_cut: bool

    def open(self) -> None:
        """Take the partitions away, where the table has them."""
        if self.is_cut:
            self._alter("reset partitioned by")
            self.is_cut = False
            failpoint("adopt.after_uncut")

    def close(self) -> None:
        """Cut the table again, as its cadence says."""
        cadence, event = self.dataset.cadence, self.dataset.contract.event_time
        if cadence is not None and event and not self.is_cut:
            failpoint("adopt.before_cut")
            self._alter(f"set partitioned by ({layout(cadence, event)})")
            self.is_cut = True

    def _alter(self, change: str) -> None:
        name = self.dataset.name
        with self.lake.transaction(self.connection, self.lease, f"shape {name} to adopt into it"):
            self.connection.execute(f"alter table {table(name)} {change}")


@contextmanager
def uncut(
    lake: Lake, connection: duckdb.DuckDBPyConnection, dataset: Dataset, lease: Lease
) -> Iterator[Uncut]:
    """A table that is cut as declared again when the block ends."""
    held = Uncut(
        lake=lake,
        connection=connection,
        dataset=dataset,
        lease=lease,
        is_cut=is_cut(lake, dataset),
    )
    yield held
    held.close()


def is_cut(lake: Lake, dataset: Dataset) -> bool:
    """Whether the table has storage partitions."""
    try:
        with psycopg.connect(lake.dsn()) as connection:
            words = [dataset.name.schema, dataset.name.table]
            return connection.execute(_CUT, words).fetchone() is not None
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
