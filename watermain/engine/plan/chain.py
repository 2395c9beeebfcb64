"""Why a partition is stale, step by step down to the batch that began it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.graph import Graph
from watermain.engine.table.reads import needed
from watermain.lake import ledger

MOST_STEPS = 12
_LAST = f"""
select snapshot_id, partition, input_snapshot, run_id, published_at
from {ledger.PUBLISHES} where dataset = $name and snapshot_id <= $until
qualify row_number() over (partition by partition order by epoch desc, published_at desc) = 1
order by snapshot_id desc
"""
_BEFORE = f"""
select input_snapshot from {ledger.PUBLISHES}
where dataset = $name and partition = $key and snapshot_id < $until
order by snapshot_id desc limit 1
"""
_BATCH = f"""
select batch_id, shard, rows from {ledger.BATCHES} where stream = $name and snapshot_id = $snapshot
"""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One publish that made what reads it stale.

    Shapes: `batches` are those that brought the rows of a captured dataset, each with its shard.
    """

    name: DatasetName
    key: str
    snapshot: int
    at: datetime
    run: str
    batches: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"{self.name} {self.key}".rstrip() + f" at snapshot {self.snapshot}"
        return told + (f", {', '.join(self.batches)}" if self.batches else "")


@dataclass(frozen=True)
class Chain:
    """Follow publishes from a stale partition to the batch that began it."""

    connection: duckdb.DuckDBPyConnection
    graph: Graph

    def steps(self, dataset: Dataset, key: str, since: int | None, until: int) -> Iterator[Reason]:
        """The newest publish that a partition has not read, then what made that one, and so on.

        Shapes: `since` is the snapshot at which the partition was last made, None where it never
        was; nothing after `until` is looked at.
        """
        reader, at = dataset, key
        for _ in range(MOST_STEPS):
            found = max(self._news(reader, at, since, until), key=_age, default=None)
            if found is None:
                return
            step, read = found
            yield step
            if step.batches:
                return
            reader, at = self.graph.datasets[step.name], step.key
            if not reader.is_computed:
                return
            since, until = self._read_before(step), read

    def _news(
        self, reader: Dataset, key: str, since: int | None, until: int
    ) -> Iterator[tuple[Reason, int]]:
        """The newest publish of each input that a partition reads, and what that one had read."""
        for name, other in self.graph.inputs(reader).items():
            ends = needed(reader, other, key)
            rows = self._asked(_LAST, name=str(name), until=until)
            for snapshot, partition, read, run, at in rows:
                inside = ends is None or ends[0] <= partition <= ends[1]
                if inside and (since is None or snapshot > since):
                    batches = () if other.is_computed else self._batches(name, snapshot)
                    step = Reason(
                        name=name, key=partition, snapshot=snapshot, at=at, run=run, batches=batches
                    )
                    yield step, read
                    break

    def _read_before(self, step: Reason) -> int | None:
        """The snapshot that the publish before had read; None where there was none."""
        rows = self._asked(_BEFORE, name=str(step.name), key=step.key, until=step.snapshot)
        return rows[0][0] if rows else None

    def _batches(self, name: DatasetName, snapshot: int) -> tuple[str, ...]:
        rows = self._asked(_BATCH, name=str(name), snapshot=snapshot)
        return tuple(
            f"batch {batch[:12]} of {shard} ({count:,} rows)" for batch, shard, count in rows
        )

    def _asked(self, question: str, **values: str | int) -> list[tuple[Any, ...]]:
        return self.connection.execute(question, values).fetchall()


def _age(found: tuple[Reason, int]) -> int:
    return found[0].snapshot
