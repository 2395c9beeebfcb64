"""Rows of the ledger, with what an indicator does not read filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from watermain.declare.name import DatasetName
from watermain.engine.promise.verdict import State, Verdict
from watermain.lake.ledger import BatchRow, PublishRow

FLIGHTS = DatasetName.parse("operations.curated.flights")
NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def batch(rows: int, rows_in: int, repeated: int = 0, **more: object) -> BatchRow:
    """A captured batch, of which the rest was put aside."""
    known: dict[str, object] = {
        "stream": "operations.raw.flights",
        "shard": "0",
        "from_position": "",
        "to_position": "1",
        "batch_id": "b",
        "content_hash": "h",
        "contract_version": "1.0.0",
        "epoch": 1,
        "run_id": "r",
        "committed_at": NOW,
    }
    counts = {"rows": rows, "rows_in": rows_in, "repeated": repeated}
    aside = rows_in - rows - repeated
    return BatchRow(**{**known, **counts, "quarantined": aside, **more})  # type: ignore[arg-type]


def publish(failing: str = "{}", size: int = 0, seconds: float = 0.0) -> PublishRow:
    """A published partition."""
    return PublishRow(
        dataset=str(FLIGHTS),
        partition="2026-11-29",
        data_version="d",
        code_version="c",
        contract_version="1.0.0",
        contract_hash="h",
        rows_in=1,
        rows_out=1,
        bytes=size,
        seconds=seconds,
        peak_memory=0,
        input_snapshot=1,
        epoch=1,
        run_id="r",
        published_at=NOW,
        failing=failing,
    )


def judged(
    state: State, due_at: datetime, ready: timedelta | None = None, seen: timedelta = MINUTE
) -> Verdict:
    """A verdict; `ready`, `seen` count from when it was due."""
    return Verdict(
        dataset=FLIGHTS,
        partition=f"{due_at:%Y-%m-%d}",
        due_at=due_at,
        state=state,
        judged_at=due_at + seen,
        ready_at=None if ready is None else due_at + ready,
    )
