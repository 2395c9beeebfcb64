"""From commit at the source to queryable in the lake, through `watermain stream`.

A writer sends batches of 50 events, 40 times a second, to a PostgreSQL table and to a Kafka topic
of two partitions at once; the stream is a process of its own, and its lake is on the same server. A
reader asks `select max(number)` in a loop: an event's latency is the time from the return of the
writer's commit to the first answer that has it, and so it includes how often the reader asks.
Not equal to a deployment: everything shares one machine.
Run it: `python -m benchmarks.stream`, with `--seconds` for another length.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from tests.flow import World, changes, messages, world
from watermain.declare import Dataset
from watermain.lake.lake import table
from watermain.process.postgres import EmbeddedPostgres

RATE, AT_ONCE = 2000, 50
LIMIT_SECONDS = 5.0
CLAIMS = {
    "CDC, commit to queryable, p95 at 2,000 changes/s": changes,
    "Kafka, event to queryable, p95 at 2,000 events/s": messages,
}


class Reader(threading.Thread):
    """Ask for the largest number without pause; remember when each answer came."""

    def __init__(self, place: World, dataset: Dataset, until: threading.Event) -> None:
        super().__init__(daemon=True)
        self.place, self.dataset, self.until = place, dataset, until
        self.seen: list[tuple[float, int]] = []

    def run(self) -> None:
        """Ask until told to stop."""
        with self.place.lake.get_connection() as connection:
            while not self.until.is_set():
                row = connection.execute(
                    f"select max(number) from {table(self.dataset.name)}"
                ).fetchone()
                self.seen.append((time.monotonic(), int(row[0] or 0) if row else 0))
                time.sleep(0.05)

    def latencies(self, sent: list[tuple[float, int]]) -> np.ndarray:
        """Seconds for each batch of events, from its return to the first answer that has it."""
        moments, largest = (np.array(each) for each in zip(*self.seen, strict=True))
        first = np.searchsorted(largest, [number for _, number in sent])
        assert first.max() < len(moments), f"{self.dataset.name} never came to its end"
        found: np.ndarray = moments[first] - np.array([at for at, _ in sent])
        return found


def main() -> int:
    """Measure both; print each claim as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=RATE)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watermain-stream-") as name:
        server = EmbeddedPostgres(Path(name) / "server", settings={"wal_level": "logical"})
        server.start()
        try:
            with world(server, Path(name)) as place:
                return measured(place, asked.seconds, asked.rate)
        finally:
            server.stop()


def measured(place: World, seconds: int, rate: int) -> int:
    """Send for so long; wait for the end; tell both figures."""
    child = place.stream()
    until = threading.Event()
    try:
        place.await_streams()
        place.send(1)
        _wait(place, 300.0)
        readers = [Reader(place, dataset, until) for dataset in CLAIMS.values()]
        for reader in readers:
            reader.start()
        sent, begin = [], time.monotonic()
        for turn in range(seconds * rate // AT_ONCE):
            time.sleep(max(0.0, begin + turn * AT_ONCE / rate - time.monotonic()))
            place.send(AT_ONCE)
            sent.append((time.monotonic(), place.sent))
        took = time.monotonic() - begin
        _wait(place, 300.0)
        time.sleep(0.5)
        until.set()
        for reader in readers:
            reader.join()
    finally:
        child.terminate()
        child.wait(60)
    print(f"{place.sent} events each in {took:.1f} s, {place.sent / took:.0f} per second")
    figures = [_told(c, r.latencies(sent)) for c, r in zip(CLAIMS, readers, strict=True)]
    return 0 if all(figures) else 1


def _told(claim: str, seconds: np.ndarray) -> bool:
    p50, p95, p99 = (round(float(np.percentile(seconds, at)), 3) for at in (50, 95, 99))
    met = p95 <= LIMIT_SECONDS
    line = {"p50": p50, "p95": p95, "p99": p99, "limit": LIMIT_SECONDS, "met": met}
    print(json.dumps({"claim": claim, **line}))
    return met


def _wait(place: World, seconds: float) -> None:
    """Wait until readers see everything once."""
    deadline = time.monotonic() + seconds
    whole = (place.sent,) * 3
    while any(place.held(dataset) != whole for dataset in CLAIMS.values()):
        assert time.monotonic() < deadline, place.log()
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
