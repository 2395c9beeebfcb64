"""What a question of the ledger costs a processor: in a process of its own, in a fork, narrow.

Equal: the lake, eight weeks of days of each dataset, the module that answers. Printed are seconds
of the process that answers, the median of a few. Run it: `python -m benchmarks.asking`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from watermain.clock import micros
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.observe.child import forked
from watermain.observe.watch.asked import LEDGER
from watermain.process import wire
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import child_environment, set_variables

COUNTS, DAYS, TURNS = (40, 1000), 57, 5
PATIENCE = timedelta(minutes=2)
DAY = timedelta(days=1)


def publish(dataset: str, at: datetime) -> ledger.PublishRow:
    """A day of a dataset, published in a second."""
    return ledger.PublishRow(
        dataset=dataset,
        partition=f"{at - DAY:%F}",
        data_version="a",
        code_version="b",
        contract_version="1.0.0",
        contract_hash="c",
        rows_in=1,
        rows_out=1000,
        bytes=1000,
        seconds=1,
        peak_memory=1,
        input_snapshot=0,
        epoch=1,
        run_id="a run",
        published_at=at,
    )


def seeded(lake: Lake, count: int, now: datetime) -> int:
    """Publish each day of each dataset, and then one dataset more; the snapshot between."""
    with lake.get_connection() as connection:
        ledger.create(connection)
        for ago in range(DAYS, 0, -1):
            at = now - ago * DAY
            ledger.append(connection, [publish(f"bench.curated.t{n}", at) for n in range(count)])
        before = lake.snapshot(connection)
        ledger.append(connection, [publish("bench.curated.t0", now)])
    return before


def warmed(folder: Path) -> subprocess.Popen[bytes]:
    """A warm process of a folder, with what rooms share."""
    command = [sys.executable, "-m", "watermain.orchestrate.launch.server", "--folder", str(folder)]
    preload = ("watermain.orchestrate.location", LEDGER, "watermain.engine.mart.mart")
    made = subprocess.Popen([*command, "--preload", *preload], env=child_environment())
    while True:
        try:
            wire.ask(folder, {"do": "ping"}, 120)
        except (FileNotFoundError, ConnectionError):
            time.sleep(0.1)
        else:
            return made


def spent(process: psutil.Process) -> float:
    """Seconds of processor of a process with all that it started and saw end."""
    told = process.cpu_times()
    return float(told.user + told.system + told.children_user + told.children_system)


def took(ask: Callable[[], object], process: psutil.Process) -> float:
    """What one asking costs the processes that answer."""
    before = spent(process)
    ask()
    time.sleep(0.5)  # until the fork is seen to have ended
    return spent(process) - before


def figures(folder: Path, dsn: str, count: int) -> dict[str, float]:
    """The three ways for one lake."""
    set_variables({"WATERMAIN_DATA_DIR": str(folder), "WATERMAIN_POSTGRES": dsn})
    now = datetime.now(UTC)
    since = seeded(Lake.from_settings(), count, now)
    whole = json.dumps({"at": micros(now), "since": None})
    narrow = json.dumps({"at": micros(now), "since": since})

    def alone() -> None:
        command = [sys.executable, "-m", LEDGER]
        subprocess.run(command, input=whole.encode(), capture_output=True, check=True)

    warm = warmed(folder / "warm")
    try:
        server, own = psutil.Process(warm.pid), psutil.Process(os.getpid())
        ways: dict[str, tuple[Callable[[], object], psutil.Process]] = {
            "a process of its own": (alone, own),
            "a fork": (lambda: forked(folder / "warm", LEDGER, whole, PATIENCE), server),
            "a narrow fork": (lambda: forked(folder / "warm", LEDGER, narrow, PATIENCE), server),
        }
        return {
            name: round(statistics.median(took(ask, who) for _ in range(TURNS)), 3)
            for name, (ask, who) in ways.items()
        }
    finally:
        warm.terminate()
        warm.wait()


def main() -> int:
    """Print the figures of each number of datasets."""
    with TemporaryDirectory() as scratch:
        server = EmbeddedPostgres(Path(scratch) / "server")
        server.start()
        try:
            for count in COUNTS:
                folder = Path(scratch) / f"of_{count}"
                folder.mkdir(mode=0o700)
                server.ensure_database(f"asking_{count}")
                found = figures(folder, server.dsn(f"asking_{count}"), count)
                print(json.dumps({"datasets": count, "cpu seconds": found}), flush=True)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
