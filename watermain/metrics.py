"""What Prometheus scrapes: how much waits at each source, what became of what was read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from watermain.lake.ledger import BatchRow
from watermain.source.protocol import Backlog

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
BY = ("dataset",)
COUNTERS: dict[str, tuple[str, Callable[[BatchRow], int]]] = {
    "rows_read": ("Rows read from the source.", lambda row: row.rows_in),
    "rows_captured": ("Rows that reached the raw dataset.", lambda row: row.rows),
    "rows_quarantined": ("Rows put aside with a reason.", lambda row: row.quarantined),
    "rows_repeated": ("Rows left out, since raw holds their key.", lambda row: row.repeated),
    "rows_late": ("Rows captured after their partition was over.", lambda row: row.late),
    "batches": ("Batches committed.", lambda row: 1),
}
GAUGES = {
    "backlog_rows": "Rows, messages or changes that wait; for Kafka the consumer's lag.",
    "backlog_bytes": "Bytes that wait; for PostgreSQL the log that the slot retains.",
    "backlog_files": "Files that wait.",
    "backlog_oldest_seconds": "Age of the oldest thing that waits.",
    "retained_wal_bytes": "Log that a PostgreSQL server keeps for the slot.",
    "duplicate_ratio": "Share of the last batch's rows that were repeats.",
    "watermark_timestamp_seconds": "Event time that the stream has reached.",
    "retry_seconds": "Pause before the next try while something is away; 0 when all works.",
    "unreachable": "1 while the source or the lake gives errors.",
}


class Metrics:
    """Keep the figures of this process, one series for each captured dataset.

    Guarantees: a figure that a source cannot tell has no series, rather than a zero.
    """

    def __init__(self) -> None:
        self.registry = kept = CollectorRegistry()
        self.is_served = False
        self._counters = {
            name: Counter(f"watermain_{name}", told, BY, registry=kept)
            for name, (told, _) in COUNTERS.items()
        }
        self._gauges = {
            name: Gauge(f"watermain_{name}", told, BY, registry=kept)
            for name, told in GAUGES.items()
        }
        self._seconds = Histogram(
            "watermain_commit_seconds",
            "From a batch at hand to its commit.",
            BY,
            buckets=SECONDS,
            registry=kept,
        )

    def batch(self, row: BatchRow) -> None:
        """Count a committed batch."""
        for name, (_, counted) in COUNTERS.items():
            self._counters[name].labels(row.stream).inc(counted(row))
        self._seconds.labels(row.stream).observe(row.seconds)
        self._set("duplicate_ratio", row.stream, row.repeated / row.rows_in if row.rows_in else 0)
        if row.watermark_at is not None:
            self._set("watermark_timestamp_seconds", row.stream, row.watermark_at.timestamp())

    def backlog(self, dataset: str, keeps_log: bool, waiting: Backlog, now: datetime) -> None:
        """Take down what waits at a source, which has to keep its log for us with `keeps_log`."""
        age = None if waiting.oldest is None else max(0.0, (now - waiting.oldest).total_seconds())
        self._set("backlog_rows", dataset, waiting.rows)
        self._set("backlog_bytes", dataset, waiting.bytes)
        self._set("backlog_files", dataset, waiting.files)
        self._set("backlog_oldest_seconds", dataset, 0.0 if waiting.is_empty else age)
        if keeps_log:
            self._set("retained_wal_bytes", dataset, waiting.bytes)

    def trouble(self, dataset: str, is_in_trouble: bool, pause: timedelta = timedelta(0)) -> None:
        """Say whether a dataset's capture meets errors and how long it pauses for them."""
        self._set("unreachable", dataset, float(is_in_trouble))
        self._set("retry_seconds", dataset, pause.total_seconds())

    def serve(self, port: int) -> Callable[[], None]:
        """Answer scrapes on 127.0.0.1; give what ends it."""
        self.is_served = True
        server, thread = start_http_server(port, "127.0.0.1", self.registry)

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return end

    def _set(self, name: str, dataset: str, value: float | None) -> None:
        if value is not None:
            self._gauges[name].labels(dataset).set(value)
        else:
            self._gauges[name].remove_by_labels({"dataset": dataset})
