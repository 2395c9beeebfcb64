"""Time to a page of the console with 1,000 datasets of 30 days."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from tests.ports import free_port
from tests.watermain.console.seeded import SeededPlatform, declared
from watermain.declare import Dataset, DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.engine.rooms.last_good import remember
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.process.platform import ONE_HEAP
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import child_environment, load_settings, set_variables

DATASETS, DAYS, TURNS = 1000, 30, 60
LIMIT_SECONDS = 0.150
NAME = "operations.curated.t0007"
PAGES = ("/", "/on-call", "/debug", "/datasets", f"/datasets/{NAME}", f"/debug?dataset={NAME}")


def rooms() -> list[Dataset]:
    """As many datasets as that, of one room; every one promises."""
    like = declared()["operations.curated.fees"]
    names = [DatasetName("operations", "curated", f"t{n:04d}") for n in range(DATASETS)]
    return [replace(like, name=name) for name in names]


def seed(now: datetime) -> None:
    """Tell, judge and publish all of it."""
    found, dsn = rooms(), str(load_settings().postgres)
    remember("operations", found)
    promises = [
        Promised(dataset=d.name, slo=d.slo, cadence=d.cadence, owner=d.owner)
        for d in found
        if d.slo is not None and d.cadence is not None
    ]
    evaluator = Evaluator(VerdictBook(lambda: dsn), _Lake())
    evaluator.judge(promises, now - DAYS * timedelta(days=1))
    evaluator.judge(promises, now)
    SeededPlatform(load_settings().home, dsn, now).troubled()
    with Lake.from_settings().get_connection() as connection:
        for day in range(DAYS):
            at = now - timedelta(days=DAYS - day)
            ledger.append(connection, [_published(d.name, at) for d in found])


class _Lake:
    """Every tenth dataset misses every tenth partition."""

    def ready(self, partitions):  # type: ignore[no-untyped-def]
        return {
            (name, key): datetime.fromisoformat(key).replace(tzinfo=UTC) + timedelta(hours=25)
            for name, keys in partitions.items()
            for key in keys
            if not (key.endswith("0") and name.table.endswith("0"))
        }


def _published(name: DatasetName, at: datetime) -> ledger.PublishRow:
    return ledger.PublishRow(
        dataset=str(name),
        partition=f"{at:%Y-%m-%d}",
        data_version="a",
        code_version="b",
        contract_version="1.0.0",
        contract_hash="c",
        rows_in=1000,
        rows_out=1000,
        bytes=10**6,
        seconds=1.5,
        peak_memory=1,
        input_snapshot=0,
        epoch=1,
        run_id="237ef447-43dd-41f4-8b9d-483f271b7806",
        published_at=at,
    )


@contextmanager
def living(home: Path) -> Iterator[None]:
    """A data folder with a server and an empty lake."""
    server = EmbeddedPostgres(home / "server")
    server.start()
    try:
        server.ensure_database("console")
        set_variables(
            {"WATERMAIN_DATA_DIR": str(home), "WATERMAIN_POSTGRES": server.dsn("console")}
        )
        Lake.from_settings().initialize()
        with Lake.from_settings().get_connection() as connection:
            ledger.create(connection)
        yield
    finally:
        server.stop()


@contextmanager
def console() -> Iterator[tuple[str, psutil.Process]]:
    """The service as `watermain up` starts it, once it has read everything."""
    port = free_port()
    command = [sys.executable, "-m", "watermain", "console", "--port", str(port)]
    process = subprocess.Popen(
        command, env=child_environment(**ONE_HEAP), stderr=subprocess.DEVNULL
    )
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while "ledger was read" not in _asked(url) and time.monotonic() < until:
            time.sleep(0.2)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _asked(url: str) -> str:
    try:
        return httpx.get(f"{url}/on-call", timeout=60, trust_env=False).text
    except httpx.HTTPError:
        return ""


def measured(url: str) -> dict[str, list[float]]:
    """The seconds of every page, asked for in turns with a pause, as a person does."""
    found: dict[str, list[float]] = {page: [] for page in PAGES}
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for _ in range(TURNS):
            for page, seconds in found.items():
                began = time.perf_counter()
                client.get(page).raise_for_status()
                seconds.append(time.perf_counter() - began)
                time.sleep(0.1)
    return found


def main() -> int:
    """Print the figures; end with 1 where a page takes longer than it may."""
    worst = 0.0
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder, living(Path(folder)):
        seed(datetime.now(UTC))
        with console() as (url, process):
            for page, seconds in measured(url).items():
                p95 = statistics.quantiles(seconds, n=20)[-1]
                worst = max(worst, p95)
                told = (
                    f"p50 {statistics.median(seconds):.3f}  p95 {p95:.3f}  most {max(seconds):.3f}"
                )
                print(f"{page:45} {told}")
            memory = process.memory_full_info()
            print(f"datasets {DATASETS}  pss_mib {memory.pss / 2**20:.0f}  worst_p95 {worst:.3f}")
    return int(worst > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
