"""A source that gives batches written down by a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from watermain.source.protocol import Backlog, Batch, Limit

CHANGES = ("_op", "_lsn", "_seq", "_xid", "_commit_at")


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


def changes(
    rows: Sequence[Mapping[str, object]], *, start: str = "", end: str = "1", reset: bool = False
) -> Batch:
    """A batch of PostgreSQL changes; `_lsn` and `_seq` follow the order given."""
    names = list(dict.fromkeys(n for row in rows for n in row if not n.startswith("_")))
    columns: dict[str, list[str | None]] = {n: [] for n in [*names, *CHANGES]}
    for number, row in enumerate(rows):
        defaults = {
            "_op": "i",
            "_lsn": int(end) * 1000 if end.isdigit() else 1,
            "_seq": number,
            "_xid": 1,
            "_commit_at": "2013-01-01 00:00:00+00",
        }
        for name, values in columns.items():
            value = row.get(name, defaults.get(name))
            values.append(None if value is None else str(value))
    table = pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()})
    return Batch(shard="s", start=start, end=end, rows=table, reset=reset)
