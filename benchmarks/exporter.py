"""What a scrape of 1,000 datasets costs, beside the process that judges them."""

from __future__ import annotations

import sys
import time
import urllib.request
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.promises import BEGIN, DAYS, SLOS, PartlyLate
from watermain.declare import Daily, DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.observe.export.exposition import MOST_SERIES
from watermain.observe.export.figures import AllFigures, CaptureFigures, LakeFigures
from watermain.observe.export.promise_reading import PromiseReading
from watermain.observe.export.serving import EVERY, Exporting, serve
from watermain.process.postgres import EmbeddedPostgres

COUNT = 1000
PORT = 19190
SCRAPES = 20
ROUND = timedelta(seconds=10)
LIMIT_SECONDS, LIMIT_OF_A_CORE = 0.2, 0.02


class _Platform:
    """All figures of 1,000 datasets: those of promises from a book, the others made up."""

    def __init__(self, dsn: str) -> None:
        self.reading = PromiseReading(VerdictBook(lambda: dsn), lambda: dsn)

    def __call__(self, now: datetime) -> AllFigures:
        found = self.reading(now)
        names = [str(each.dataset) for each in found.figures]
        return AllFigures(
            at=now,
            evaluated_at=found.evaluated_at,
            promises=found.figures,
            lake=tuple(
                LakeFigures(
                    dataset=name,
                    rows=1,
                    bytes=1,
                    publishes=1,
                    published_rows=1,
                    published_bytes=1,
                    published_at=now,
                )
                for name in names
            ),
            captures=tuple(
                CaptureFigures(
                    dataset=name, batches=1, rows=1, aside=0, committed_at=now, reached_at=now
                )
                for name in names
            ),
        )


def measured(dsn: str) -> Mapping[str, float]:
    """The figures of one book."""
    book = VerdictBook(lambda: dsn)
    evaluator = Evaluator(book, PartlyLate())
    promises = [
        Promised(
            dataset=DatasetName("bench", "curated", f"t{n}"),
            slo=SLOS[n % len(SLOS)],
            cadence=Daily(zone="America/New_York"),
            owner="team:bench",
        )
        for n in range(COUNT)
    ]
    evaluator.judge(promises, BEGIN)
    now = BEGIN + timedelta(days=DAYS)
    evaluator.judge(promises, now)
    exporting = Exporting(_Platform(dsn))
    worked = time.process_time()
    exporting(now)
    first = time.process_time() - worked
    exporting(now + EVERY)
    worked, rounds = time.process_time(), 12
    for number in range(1, rounds + 1):
        then = now + EVERY + number * ROUND
        evaluator.judge(promises, then)
        exporting(then)
    of_a_core = (time.process_time() - worked) / (rounds * ROUND.total_seconds())
    seconds, size = scraped(exporting)
    series = next(
        float(line.rpartition(b" ")[2])
        for line in exporting.page.splitlines()
        if line.startswith(b"watermain_export_series ")
    )
    return {
        "datasets": COUNT,
        "series": series,
        "page_bytes": size,
        "scrape_seconds": round(seconds, 4),
        "first_page_cpu_seconds": round(first, 2),
        "judging_and_figures_of_a_core": round(of_a_core, 4),
    }


def scraped(exporting: Exporting) -> tuple[float, int]:
    """The median time of a scrape over loopback, with the bytes that it has."""
    end = serve(PORT, exporting)
    took, size = [], 0
    try:
        for _ in range(SCRAPES):
            began = time.perf_counter()
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics") as answer:
                size = len(answer.read())
            took.append(time.perf_counter() - began)
    finally:
        end()
    return median(took), size


def main() -> int:
    """Print the figures; end with 1 where one of them is beyond its limit."""
    with TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "server")
        server.start()
        try:
            database = f"exporter_{uuid.uuid4().hex}"
            server.ensure_database(database)
            found = measured(server.dsn(database))
        finally:
            server.stop()
    print("  ".join(f"{name} {value}" for name, value in found.items()))
    beyond = (
        found["scrape_seconds"] > LIMIT_SECONDS,
        found["series"] > MOST_SERIES,
        found["judging_and_figures_of_a_core"] > LIMIT_OF_A_CORE,
    )
    return int(any(beyond))


if __name__ == "__main__":
    sys.exit(main())
