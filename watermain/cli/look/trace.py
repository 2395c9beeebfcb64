"""`watermain trace`: the traces that a published partition came by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import duckdb
import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidPartitionError
from watermain.engine.rooms.directory import find
from watermain.engine.table.partition import Span, overlapping
from watermain.lake.lake import Lake
from watermain.trace.message import TRACEPARENT, Messages, kept
from watermain.trace.walk import TracedPublish, published

MOST_STEPS = 64


@dataclass(frozen=True)
class TraceStep:
    """One step on the way back: what was published, and what its messages are traced by."""

    depth: int
    what: TracedPublish
    messages: Messages
    left_out: int = 0

    def facts(self) -> dict[str, Any]:
        """The step as JSON can hold it."""
        return {
            "depth": self.depth,
            "dataset": self.what.dataset,
            "partition": self.what.partition,
            "at": self.what.at,
            "run_id": self.what.run_id,
            "batch": self.what.batch or None,
            "traceparent": str(self.what.point),
            "messages": [str(each) for each in self.messages.points],
            "correlations": list(self.messages.correlations),
            "unlisted": dict(self.messages.more),
            "left_out": self.left_out,
        }


def trace(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    partition: Annotated[
        str, typer.Argument(help="Such as 2026-11-30; left out for a whole table.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Walk back from a published partition to the traces of the batches and messages it came from.

    The numbers of traces follow from the ledger, also where no collector was asked for then.
    """
    found = named(dataset)
    if found.cadence is not None and partition:
        found.cadence.window(partition)
    with Lake.from_settings().get_connection() as connection:
        steps = list(_walk(connection, found, [partition]))
    if not steps:
        raise InvalidPartitionError.nothing_happened(
            f"nothing of {found.name} {partition or '(the whole table)'} was published",
            declared=found.declared,
            next=f"watermain history {found.name}",
        )
    if as_json:
        screen.facts([each.facts() for each in steps])
        return
    for each in steps:
        _tell(each)


def _walk(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, keys: list[str] | None
) -> Iterator[TraceStep]:
    """Go back level by level, each dataset once, MOST_STEPS at most."""
    seen, left, count = {dataset.name}, [(0, dataset, keys, None)], 0
    while left and count < MOST_STEPS:
        depth, here, wanted, until = left.pop(0)
        rows, total = published(connection, here.name, wanted, until)
        for number, row in enumerate(rows[: MOST_STEPS - count]):
            said = kept(connection, row.dataset, row.batch) if row.batch else Messages()
            more = total - len(rows) if number == len(rows) - 1 else 0
            yield TraceStep(depth, row, said, more)
        count += len(rows)
        for name in here.inputs.values() if rows else ():
            if name not in seen:
                seen.add(name)
                above = find(name)
                read = max(row.read for row in rows)
                left.append((depth + 1, above, _read(here, above, wanted), read))  # type: ignore[arg-type]


def _read(here: Dataset, above: Dataset, keys: list[str] | None) -> list[str] | None:
    """The partitions of an input that some partitions were computed from; None for all."""
    if keys is None or here.cadence is None or above.cadence is None:
        return None
    span = Span(here.cadence, keys[0], keys[-1])
    first, last = overlapping(span, above.cadence, here.looks_back(above.name))
    return above.cadence.keys(first, last)


def _tell(step: TraceStep) -> None:
    row, indent = step.what, "  " * step.depth
    what = f"{row.dataset} {row.partition}".rstrip()
    kind = f"batch {row.batch[:12]}" if row.batch else "publish"
    lines = [f"{what}  {kind}  {screen.clock(row.at)}  trace {row.point.trace:032x}"]
    lines += [f"  message {each}" for each in step.messages.points]
    lines += [f"  correlation {each}" for each in step.messages.correlations]
    for name, more in step.messages.more:
        word = "traced messages" if name == TRACEPARENT else "correlations"
        lines.append(f"  and {more:,} more {word}")
    if step.left_out:
        lines.append(f"and {step.left_out:,} more before")
    for line in lines:
        screen.OUT.print(indent + line, markup=False, soft_wrap=True)
