"""A folder of Parquet adopted, beside the same rows inserted into a table of the same lake.

Ours is what `watermain adopt` calls: footers, one scan that proves the key, a hash of every byte,
a second name for each file, registration, audit, ledger. The peer is `insert into ... select` of
the same files into a DuckLake table of the same columns, which writes each row again, and proves
nothing. Equal: the files, the catalog, the engine's settings.
The figure is bytes written for rows: 0 of ours, where the files can stay as they are. Seconds are
told beside it.
Run it: `python -m benchmarks.adopt`, with `--gigabytes 5` for more than the half that is usual.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from watermain.declare import Files, raw
from watermain.declare.dataset import Dataset
from watermain.engine.adopt.kind.parquet_folder import PATTERN, standing
from watermain.engine.adopt.proposal import Proposal, Wishes, propose
from watermain.engine.adopt.registering import Registered, groups, registering
from watermain.engine.adopt.rows import own_engine
from watermain.engine.publish.publication import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table, text
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings

ROWS = 4_000_000  # of a month, about 128 MB
STEP_US = 2_400_000_000_000 // ROWS
FILE_BYTES = 128 * 2**20


def laid(folder: Path, months: int) -> int:
    """Lay a file for each month, of rows that compress badly; give the bytes."""
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for number in range(months):
            begin = datetime(2015 + number // 12, 1 + number % 12, 1, tzinfo=UTC)
            path = folder / f"events-{begin:%Y-%m}.parquet"
            connection.execute(
                f"copy (select ({number} * {ROWS} + i)::bigint as event_id,"
                f" timestamptz {text(begin.isoformat())}"
                f" + to_microseconds((i * {STEP_US})::bigint) as happened_at,"
                " hash(i) as fingerprint, (random() * 1e6)::decimal(18, 4) as amount,"
                " random() as share, (random() * 1000)::int as place"
                f" from range({ROWS}) as t(i)) to {text(str(path))} (format parquet)"
            )
    return sum(path.stat().st_size for path in folder.iterdir())


@contextmanager
def own_lake(home: Path) -> Iterator[Lake]:
    """An empty lake with a server of its own."""
    server = EmbeddedPostgres(home / "server")
    server.start()
    try:
        server.ensure_database("lake")
        os.environ["WATERMAIN_DATA_DIR"] = str(home / "data")
        os.environ["WATERMAIN_POSTGRES"] = server.dsn("lake")
        lake = Lake.from_settings(load_settings())
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        yield lake
        lake.forget()
    finally:
        server.stop()


def adopted(lake: Lake, folder: Path) -> tuple[float, Registered, Dataset, Proposal]:
    """Seconds of an adoption from the first look to the last commit, and what it did."""
    began = time.monotonic()
    with own_engine() as connection:
        proposal = propose(connection, standing(folder), Wishes())
    dataset = raw(
        "bench.raw.events",
        source=Files(connection="bench", pattern=PATTERN, format="parquet"),
        contract=proposal.contract,
        cadence=proposal.cadence,
        owner="team:bench",
    )
    job = Job(lake=lake, find={dataset.name: dataset}.__getitem__, run_id="bench")
    with registering(dataset, job) as held:
        for group in groups(proposal.pieces):
            held.take(group)
    return time.monotonic() - began, held.done, dataset, proposal


def inserted(lake: Lake, folder: Path, dataset: Dataset) -> float:
    """Seconds in which the same rows are written again."""
    began = time.monotonic()
    with lake.get_connection() as connection:
        names = ", ".join(dataset.contract.schema.names)
        connection.execute("create schema if not exists lake.peer_raw")
        connection.execute(
            f"create table lake.peer_raw.events as select {names}"
            f" from {table(dataset.name)} limit 0"
        )
        connection.execute(
            f"insert into lake.peer_raw.events select {names}"
            f" from read_parquet({text(str(folder / '*.parquet'))})"
        )
    return time.monotonic() - began


def main() -> int:
    """Print the figure."""
    wanted = float(sys.argv[sys.argv.index("--gigabytes") + 1]) if len(sys.argv) > 2 else 0.5
    with TemporaryDirectory(prefix="watermain-bench-") as name:
        home = Path(name)
        size = laid(home / "outside", max(1, round(wanted * 2**30 / FILE_BYTES)))
        with own_lake(home) as lake:
            seconds, done, dataset, proposal = adopted(lake, home / "outside")
            own = list((home / "data" / "lake" / "bench_raw").rglob("*.parquet"))
            again = sum(p.stat().st_size for p in own if p.stat().st_nlink == 1)
            with lake.get_connection() as connection:
                rows = connection.execute(
                    f"select count(*), count(distinct event_id) from {table(dataset.name)}"
                ).fetchone()
            peer = inserted(lake, home / "outside", dataset)
    assert rows == (done.rows, done.rows), rows
    line = {
        "claim": f"{size / 2**30:.2f} GiB of Parquet in {len(proposal.pieces)} files adopted",
        "rows": done.rows,
        "bytes_rewritten": again + done.written_bytes,
        "limit": 0,
        "seconds": round(seconds, 1),
        "seconds_of_insert": round(peer, 1),
        "met": again + done.written_bytes == 0,
        "measured_on": date.today().isoformat(),
    }
    print(json.dumps(line), flush=True)
    return 0 if line["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
