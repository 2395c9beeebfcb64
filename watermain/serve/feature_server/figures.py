"""What Prometheus scrapes of the feature server."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from watermain.serve.feature_server.answer import Found

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
AGES = (1, 5, 15, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
_MICROSECONDS = 1e6


class Figures:
    """Count what was asked and what was answered."""

    def __init__(self) -> None:
        self.registry = kept = CollectorRegistry()
        self._requests = Counter(
            "watermain_serve_requests",
            "Requests for features, by who asked, by the status of the answer.",
            ("consumer", "status"),
            registry=kept,
        )
        self._seconds = Histogram(
            "watermain_serve_seconds",
            "From a request's head to its answer.",
            buckets=SECONDS,
            registry=kept,
        )
        self._rows = Counter(
            "watermain_serve_rows",
            "Rows answered: present, stale, missing.",
            ("table", "status"),
            registry=kept,
        )
        self._ages = Histogram(
            "watermain_serve_oldest_age_seconds",
            "Age of the oldest row present in an answer, since its event time.",
            ("table",),
            buckets=AGES,
            registry=kept,
        )

        self._held: dict[tuple[Any, ...], Any] = {}

    def answered(self, consumer: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._child(self._requests, consumer, str(status)).inc()
        self._seconds.observe(seconds)

    def found(self, found: Found, now_us: int) -> None:
        """Count the rows of a table."""
        table = found.part.stored
        for status, count in (
            ("present", found.present),
            ("stale", found.stale),
            ("missing", found.missing),
        ):
            if count:
                self._child(self._rows, table, status).inc(count)
        if found.oldest_us is not None:
            age = max(0, now_us - found.oldest_us) / _MICROSECONDS
            self._child(self._ages, table).observe(age)

    def _child(self, metric: Counter | Histogram, *labels: str) -> Any:
        """The series of these labels, which is found once."""
        key = (metric, *labels)
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = metric.labels(*labels)
        return found

    def page(self) -> bytes:
        """Write all figures as Prometheus reads them."""
        return generate_latest(self.registry)
