"""The load of JSON lines by dlt into DuckDB, which replaces rows by their key.

Run by benchmarks/fixtures/peer.py in an environment that has dlt:
`dlt_ingest.py json|arrow FOLDER STATE`.
"""

import json
import os
import resource
import sys
import time
from itertools import islice
from pathlib import Path

_MANY = 10_000
_BLOCK_BYTES = 16 * 2**20


def records(files: list[Path]):
    """Give decoded lines, many at a time."""
    import orjson

    for path in files:
        with path.open("rb") as lines:
            while some := list(islice(lines, _MANY)):
                yield [orjson.loads(line) for line in some]


def tables(files: list[Path]):
    """Give one Arrow table for each file."""
    import pyarrow.json as pj

    for path in files:
        yield pj.read_json(path, read_options=pj.ReadOptions(block_size=_BLOCK_BYTES))


def main(way: str, folder: Path, state: Path) -> None:
    """Load every file of the folder, then tell the seconds, the peak memory, the rows."""
    os.environ.update(
        DLT_DATA_DIR=str(state),
        RUNTIME__DLTHUB_TELEMETRY="false",
        RUNTIME__LOG_LEVEL="ERROR",
        DATA_WRITER__BUFFER_MAX_ITEMS="50000",
    )
    import dlt
    import duckdb

    read = records if way == "json" else tables
    target = str(state / "out.duckdb")
    pipeline = dlt.pipeline(
        "events", destination=dlt.destinations.duckdb(target), dataset_name="peer"
    )
    events = dlt.resource(
        lambda: read(sorted(folder.glob("*.jsonl"))),
        name="events",
        write_disposition="merge",
        primary_key="event_id",
    )
    began = time.perf_counter()
    pipeline.run(events, loader_file_format="parquet")
    seconds = time.perf_counter() - began
    with duckdb.connect(target, read_only=True) as connection:
        (rows,) = connection.execute("select count(*) from peer.events").fetchone()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "rows": rows, "peak_bytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
