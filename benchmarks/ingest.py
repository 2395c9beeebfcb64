"""JSON lines captured by the platform beside dlt, beside raw DuckDB.

Equal: the same eight files of two million events, a nested field flattened into four columns,
declared types, each key kept once, an empty target, a warm engine and two threads. DuckDB's side is
`read_json` with declared types into a temporary table and then MERGE INTO the same lake. Every turn
is a process of its own, which tells its peak memory.
Not equal, on purpose: ours also checks the contract, proves each number exact, hashes each row,
commits each file for itself with its ledger rows, and flushes files to disk; its files are Parquet
2, and DuckDB's are what DuckDB writes unless told. dlt writes into a DuckDB file, which costs less
than a lake; it is given 4 GB where we bound ourselves to 1.5 GB.
Run it: `python -m benchmarks.ingest`, with `--rows N` for another size or `--no-dlt` without dlt.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.events import write_events
from benchmarks.fixtures.ingest_side import Place, Turn, duckdb_turn, our_turn
from benchmarks.fixtures.peer import told
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import set_variables

ROWS = 2_000_000
TURNS = 3
MOST_BYTES = 1.5e9
LIMITS = {"raw DuckDB": 1 / 0.6, "dlt, arrow": 1 / 2, "dlt, JSON": 1 / 20}


@contextmanager
def place(rows: int) -> Iterator[Place]:
    """Give a server and the files of the events."""
    with TemporaryDirectory(prefix="watermain-bench-") as name:
        folder = Path(name)
        set_variables(
            {
                "WATERMAIN_DATA_DIR": name,
                "WATERMAIN_TICK_SECONDS": "3600",
                "WATERMAIN_MEMORY_LIMIT": "1GB",
                "WATERMAIN_THREADS": "2",
            }
        )
        server = EmbeddedPostgres(folder / "postgres")
        server.start()
        try:
            server.ensure_database("lake")
            write_events(folder / "drop", rows)
            yield Place(server.dsn("lake"), folder, rows)
        finally:
            server.stop()


def apart(turn: Callable[[Place], Turn], where: Place) -> Turn:
    """Take a turn in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(turn, (where,))


def dlt_turn(way: str, where: Place) -> Turn:
    """Let dlt load the same files."""
    with TemporaryDirectory(prefix="watermain-dlt-") as state:
        found = told("dlt", "dlt_ingest.py", way, where.drop, state)
    assert found["rows"] == where.rows
    return Turn(found["seconds"], found["peak_bytes"])


def main() -> int:
    """Print each turn, each ratio and the peak memory."""
    rows = int(sys.argv[sys.argv.index("--rows") + 1]) if "--rows" in sys.argv else ROWS
    taken: dict[str, list[Turn]] = {"ours": []}
    with place(rows) as where:
        for turn in range(TURNS):
            sides: dict[str, Callable[[], Turn]] = {
                "ours": lambda: apart(our_turn, where),
                "raw DuckDB": lambda: apart(duckdb_turn, where),
            }
            if "--no-dlt" not in sys.argv:
                sides["dlt, arrow"] = lambda: dlt_turn("arrow", where)
                if turn == 0:  # it takes minutes
                    sides["dlt, JSON"] = lambda: dlt_turn("json", where)
            for name, side in sides.items():
                taken.setdefault(name, []).append(side())
                print(f"  turn {turn + 1}: {name} {taken[name][-1].told(rows)}")
    return tell(rows, taken)


def tell(rows: int, taken: dict[str, list[Turn]]) -> int:
    """Print each ratio and our peak memory; give the exit code."""
    mine = taken.pop("ours")
    ours = statistics.median(turn.seconds for turn in mine)
    peak = max(turn.peak_bytes for turn in mine)
    missed = Figure("peak memory of the ingest, bytes", peak, MOST_BYTES, 1).tell()
    for name, turns in taken.items():
        peer = statistics.median(turn.seconds for turn in turns)
        claim = f"ingest of {rows:,} JSON events beside {name}, seconds"
        missed |= Figure(claim, ours, peer, LIMITS[name]).tell()
    return missed


if __name__ == "__main__":
    sys.exit(main())
