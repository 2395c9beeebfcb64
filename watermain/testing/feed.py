"""Sources that hold what a test gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from watermain.declare.dataset import Dataset
from watermain.engine.table.table import stored_schema
from watermain.source.protocol import Backlog, Batch, Limit
from watermain.testing.captured_columns import as_stored
from watermain.testing.given_rows import Given, as_table

SHARD = "given"


class Feed:
    """Hold batches; remember what was acknowledged."""

    def __init__(self, *batches: Batch) -> None:
        self.held = list(batches)
        self.acknowledged: list[Mapping[str, str]] = []

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give the batches that follow the ledger's positions."""
        known = dict(after)
        for batch in self.held:
            if known.get(batch.shard, "") == batch.start:
                known[batch.shard] = batch.end
                yield batch

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Remember the confirmation."""
        self.acknowledged.append(dict(positions))

    def backlog(self) -> Backlog:
        """Count what is held."""
        return Backlog(rows=len(self.held))

    def verify(self) -> None:
        """Nothing to prove."""


class GivenSource(Feed):
    """Hold rows of a raw dataset as one batch that follows whatever was captured before.

    Raises: GivenRowsError, when it is made of rows that the dataset does not know.
    """

    def __init__(self, dataset: Dataset, rows: Given, now: datetime) -> None:
        super().__init__()
        schema, of = stored_schema(dataset), str(dataset.name)
        self.dataset, self.now = dataset, now
        self.given = as_table(rows, schema, of=of, declared=dataset.declared)

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give the rows once; their number is the position."""
        start = after.get(SHARD, "")
        before = int(start or 0)
        rows = as_stored(self.given, self.dataset, self.now, before=before).drop("_batch_id")
        if rows.num_rows:
            end = str(before + rows.num_rows)
            yield Batch(shard=SHARD, start=start, end=end, rows=rows)
