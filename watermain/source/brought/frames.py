"""The source that captures the frames that an asset of Dagster returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Self

import pyarrow as pa

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError
from watermain.declare.outside.brought import HANDED
from watermain.source.brought.frame_rows import KINDS, NoFrameError, arrow_of, texts
from watermain.source.brought.handover import Handover, print_of
from watermain.source.delivery import UnreadableFileError
from watermain.source.extra import row_text
from watermain.source.outside import Outside
from watermain.source.poison import Poisoned, UnreadableRecordError, sifted
from watermain.source.protocol import REJECTED, Backlog, Batch, Limit, Shape

Frames = Mapping[str, Callable[[], Any]]
INCIDENTAL = ("_delivered_at",)


class FrameSource:
    """Give each frame that differs from the one before it in its shard as one batch.

    Shapes: `frames` gives the frame of a shard when it is asked for: of an asset without
    partitions there is one. Without frames nothing waits: a run of Dagster brings them.
    Raises: SourceError, for a value that is no frame.
    """

    def __init__(self, shape: Shape, frames: Frames | None = None) -> None:
        self.shape, self.frames, self.clock = shape, frames or {}, Clock()

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside, frames: Frames | None = None) -> Self:
        """Open the source that a dataset declares."""
        return cls(Shape.of(dataset), frames)

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give each frame that is news."""
        for shard, frame in self.frames.items():
            before = Handover.parse(after.get(shard, ""))
            try:
                table = arrow_of(frame())
            except NoFrameError as error:
                raise SourceError.nothing_read(
                    f"{self.shape.dataset}: the asset returned {error}, which is no frame",
                    declared=self.shape.declared,
                    next=f"return a frame of {', '.join(KINDS[:-1])} or {KINDS[-1]}",
                ) from error
            batch = handed(table, self.shape, shard, before, at=self.clock.now())
            if batch is not None:
                yield batch

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Nothing is kept that could be let go."""

    def backlog(self) -> Backlog:
        """Only Dagster knows whether something waits."""
        return Backlog()

    def verify(self) -> None:
        """Only a run can tell."""


def handed(
    table: pa.Table, shape: Shape, shard: str, before: Handover, *, at: datetime, state: str = ""
) -> Batch | None:
    """What was handed over as a batch; None where it is no news."""
    rows, rejected, unknown, missing = _sifted(table, shape)
    content = print_of(rows, rejected.select(["reason", "payload"]))
    is_empty = not (rows.num_rows or rejected.num_rows)
    if state == before.state and (is_empty or content == before.content):
        return None
    after = before.following(content, state)
    columns = (
        pa.array([after.number] * rows.num_rows, pa.int64()),
        pa.array(range(1, rows.num_rows + 1), pa.int64()),
        pa.array([at] * rows.num_rows, pa.timestamp("us", "UTC")),
    )
    for name, column in zip(HANDED.names, columns, strict=True):
        rows = rows.append_column(name, column)
    return Batch(
        shard=shard,
        start=str(before),
        end=str(after),
        rows=rows,
        rejected=rejected,
        unknown_columns=unknown,
        missing_columns=missing,
        incidental=INCIDENTAL,
    )


def _sifted(
    table: pa.Table, shape: Shape
) -> tuple[pa.Table, pa.Table, tuple[str, ...], tuple[str, ...]]:
    """The rows as text, and each that cannot be told apart from them."""
    rejects: list[dict[str, str]] = []
    parts: list[pa.Table] = []

    def read(begin: int, end: int) -> pa.Table:
        try:
            return texts(table.slice(begin, end - begin), shape)[0]
        except UnreadableFileError as error:
            raise UnreadableRecordError(str(error)) from error

    for part in sifted(read, 0, table.num_rows):
        if isinstance(part, Poisoned):
            row = pa.Table.from_batches(table.slice(part.place, 1).to_batches())
            payload = row_text(row.to_batches()[0])
            rejects.append(
                {"position": str(part.place + 1), "reason": part.reason, "payload": payload}
            )
        else:
            parts.append(part)
    empty, unknown, missing = texts(table.schema.empty_table(), shape)
    return (
        pa.concat_tables(parts) if parts else empty,
        pa.Table.from_pylist(rejects, REJECTED),
        unknown,
        missing,
    )
