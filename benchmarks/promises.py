"""Time to judge 1,000 datasets of 30 days."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from watermain.declare import Daily, DatasetName, Due, Slo
from watermain.engine.promise.book import LONG_AGO, Pair, VerdictBook
from watermain.engine.promise.budget import status
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.process.postgres import EmbeddedPostgres

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = 30
LIMIT_SECONDS = 5.0
SLOS = (
    Slo(ready_within=timedelta(hours=2)),
    Slo(due=Due("0 7 * * mon-fri", zone="America/New_York", holidays="US")),
)


class PartlyLate:
    """Every tenth dataset misses every tenth partition."""

    def ready(self, partitions: Mapping[DatasetName, Collection[str]]) -> dict[Pair, datetime]:
        return {
            (name, key): datetime.fromisoformat(key).replace(tzinfo=UTC) + timedelta(hours=25)
            for name, keys in partitions.items()
            for key in keys
            if not (key.endswith("0") and name.table.endswith("0"))
        }


def judged(server: EmbeddedPostgres, count: int) -> dict[str, float]:
    """Seconds to judge so many datasets at once, and to tell how each stands."""
    database = f"promises_{uuid.uuid4().hex}"
    server.ensure_database(database)
    dsn = server.dsn(database)
    book = VerdictBook(lambda: dsn)
    promises = [
        Promised(
            dataset=DatasetName("bench", "curated", f"t{n}"),
            slo=SLOS[n % len(SLOS)],
            cadence=Daily(zone="America/New_York"),
            owner="team:bench",
        )
        for n in range(count)
    ]
    evaluator = Evaluator(book, PartlyLate())
    evaluator.judge(promises, BEGIN)
    end = BEGIN + timedelta(days=DAYS)
    began, worked = time.perf_counter(), time.process_time()
    done = evaluator.judge(promises, end)
    judging, working = time.perf_counter() - began, time.process_time() - worked
    began = time.perf_counter()
    terms, verdicts = book.terms(), book.verdicts([p.dataset for p in promises], LONG_AGO, end)
    for each in promises:
        status(terms[each.dataset], verdicts[each.dataset], each, end)
    telling = time.perf_counter() - began
    began = time.perf_counter()
    idle = evaluator.judge(promises, end + timedelta(seconds=10))
    assert idle.verdicts == ()
    return {
        "datasets": count,
        "verdicts": len(done.verdicts),
        "judge_seconds": round(judging, 2),
        "of_cpu_seconds": round(working, 2),
        "tell_seconds": round(telling, 2),
        "idle_round_seconds": round(time.perf_counter() - began, 3),
    }


def main() -> int:
    """Print the figures; end with 1 where 1,000 datasets take longer than they may."""
    with TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "server")
        server.start()
        try:
            found = [judged(server, count) for count in (100, 500, 1000)]
        finally:
            server.stop()
    for each in found:
        print("  ".join(f"{name} {value}" for name, value in each.items()))
    return int(found[-1]["judge_seconds"] > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
