"""What the behaviour suite of sources asks of an outside system, with a ledger that reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from watermain.source.protocol import Batch, Limit, Shape, Source

COLUMNS = ("id", "day", "note")
SHAPE = Shape(
    dataset="operations.raw.things",
    columns=COLUMNS,
    key=("id",),
    types=(pa.string(),) * len(COLUMNS),
    partition_by="day",
    declared="rooms/things.py:7",
)
ANY = Limit()


def thing(number: int, note: str | None = "x", day: str | None = "2013-01-01") -> dict:
    """One row as the outside world holds it."""
    return {"id": str(number), "day": day, "note": note}


@dataclass(frozen=True)
class Seen:
    """A batch and its rows, which are kept after the batch is gone."""

    shard: str
    start: str
    end: str
    reset: bool
    batch_id: str
    content_hash: str
    rows: pa.Table
    rejected: list[dict]
    unknown_columns: tuple[str, ...]

    @staticmethod
    def of(batch: Batch) -> Seen:
        return Seen(
            batch.shard,
            batch.start,
            batch.end,
            batch.reset,
            batch.batch_id,
            batch.content_hash,
            batch.reader().read_all(),
            batch.rejected.to_pylist(),
            batch.unknown_columns,
        )


@dataclass
class Ledger:
    """Keep positions the way the lake does: the rows first, and then the word to the source."""

    positions: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def capture(
        self, source: Source, limit: Limit = ANY, *, acknowledge: bool = True
    ) -> list[Seen]:
        """Commit every batch that waits."""
        fresh = []
        for batch in source.batches(after=dict(self.positions), limit=limit):
            assert batch.start == self.positions.get(batch.shard, "")
            fresh.append(Seen.of(batch))
            self.seen.append(fresh[-1])
            self.positions[batch.shard] = batch.end
            if acknowledge:
                source.acknowledge({batch.shard: batch.end})
        return fresh

    def rows(self, *columns: str) -> list[tuple]:
        """Every row captured so far, in order."""
        return rows_of(self.seen, *columns)


def peek(source: Source, ledger: Ledger, limit: Limit = ANY) -> list[Seen]:
    """Read what waits without committing any of it."""
    return [Seen.of(batch) for batch in source.batches(after=dict(ledger.positions), limit=limit)]


def rows_of(seen: list[Seen], *columns: str) -> list[tuple]:
    """The chosen columns of all rows, in order."""
    names = columns or COLUMNS
    return [tuple(row[n] for n in names) for each in seen for row in each.rows.to_pylist()]


class Kind(Protocol):
    """An outside system of one kind; `together` where rows added together stay together.

    Shapes: it holds the columns of `SHAPE` as text and one more, `extra`, that nobody declares.
    """

    together: bool

    def add(self, rows: list[dict]) -> None:
        """Bring rows into being together."""
        ...

    def open(self) -> Source:
        """Open the source anew, as a new process would."""
        ...
