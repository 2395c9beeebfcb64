"""Batches of changes, written down by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from watermain.source.protocol import Batch
from watermain.testing.feed import Feed

__all__ = ["CHANGES", "Feed", "changes"]
CHANGES = ("_op", "_lsn", "_seq", "_xid", "_commit_at")


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
