"""The numbers of traces and of spans, which follow from what they are about."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

FORM = "[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}"  # of a `traceparent`
_TRACEPARENT = re.compile(FORM)
_FUTURE = "ff"


@dataclass(frozen=True, order=True)
class TracePoint:
    """One span of one trace, as it is named everywhere.

    Source: W3C Trace Context, which forbids numbers of zeros alone.
    """

    trace: int
    span: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a `traceparent`; None of what is none."""
        found = _TRACEPARENT.fullmatch(text.strip()) if len(text) < 100 else None
        if found is None or text.startswith(_FUTURE):
            return None
        trace, span = int(found[1], 16), int(found[2], 16)
        return cls(trace, span) if trace and span else None

    def child(self, *words: object) -> TracePoint:
        """A span beneath this one, by what tells it from others."""
        return TracePoint(self.trace, _number(8, self.span, *words))

    def __str__(self) -> str:
        return f"00-{self.trace:032x}-{self.span:016x}-01"


def point(kind: str, *what: object, attempt: object = "") -> TracePoint:
    """The first span of the trace about something; another attempt is another span of that trace.

    Guarantees: the same words give the same numbers, in every process and every release.
    """
    trace = _number(16, kind, *what)
    return TracePoint(trace, _number(8, trace, attempt))


def batch_point(stream: str, batch_id: str, run_id: str, epoch: int) -> TracePoint:
    """Where the capture of a batch is, by what the ledger has of it.

    Shapes: the first 32 characters of `batch_id` are the version of the partitions that it filled.
    """
    return point("capture", stream, batch_id[:32], attempt=f"{run_id} {epoch}")


def publish_point(
    dataset: str, partition: str, version: str, run_id: str, epoch: int
) -> TracePoint:
    """Where a publish is, by what the ledger has of the first partition that it published."""
    return point("publish", dataset, partition, version, attempt=f"{run_id} {epoch}")


def run_point(run_id: str) -> TracePoint:
    """Where a run of Dagster is."""
    return point("run", run_id)


def _number(size: int, *words: object) -> int:
    told = "\0".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:size], "big") or 1
