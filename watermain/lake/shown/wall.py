"""An engine that answers people, walled in with what it was given."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage, rmtree

import duckdb
import pyarrow as pa

from watermain.lake.lake import Lake, extension, quote, s3_secret, text
from watermain.lake.shown.shown import Shown
from watermain.settings import Settings, load_settings

COPIED = "watermain_rows"
BATCH_ROWS = 100_000
CLOSED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}


@contextmanager
def walled(
    lake: Lake, trusted: duckdb.DuckDBPyConnection, shown: Sequence[Shown]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that holds these tables by their declared names and can reach nothing else.

    Guarantees: the lake is not attached, and no address or secret of it is in the engine; the
    engine opens those files alone that hold exactly what is shown, and its settings are locked;
    what is masked was masked before it came; its folder is gone at the end.
    """
    settings = load_settings()
    folder = _own_folder(settings)
    engine = None
    try:
        copied = [each for each in shown if not each.files]
        rows = folder / "rows.duckdb"
        if copied:
            _copy(trusted, copied, rows)
        engine = _open(settings, folder)
        if copied:
            engine.execute(f"attach {text(str(rows))} as {COPIED} (read_only)")
        if any(each.files for each in shown):
            _reach_store(engine, lake, settings)
        for each in shown:
            _name(engine, each)
        _close_doors(engine, [file for each in shown for file in each.files])
        yield engine
    finally:
        if engine is not None:
            engine.close()
        rmtree(folder, ignore_errors=True)


class EngineClock:
    """Interrupt an engine whose work, all calls together, takes longer than allowed."""

    def __init__(self, seconds: float) -> None:
        self.left = self.seconds = seconds

    @contextmanager
    def running(self, *connections: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Count the block's time."""

        def stop() -> None:
            for each in connections:
                each.interrupt()

        began = time.monotonic()
        timer = threading.Timer(max(self.left, 0.0), stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.left -= time.monotonic() - began


def batches(
    engine: duckdb.DuckDBPyConnection, statement: duckdb.Statement, clock: EngineClock
) -> tuple[pa.Schema, Generator[pa.RecordBatch, None, None]]:
    """Run a statement; give its columns, and its rows in bounded portions as they are asked for.

    Guarantees: none comes once the generator is closed.
    """
    with clock.running(engine):
        engine.execute(statement)
        reader = engine.to_arrow_reader(BATCH_ROWS)

    def portions() -> Generator[pa.RecordBatch, None, None]:
        while True:
            with clock.running(engine):
                try:
                    portion = reader.read_next_batch()
                except StopIteration:
                    return
            yield portion

    return reader.schema, portions()


def _own_folder(settings: Settings) -> Path:
    """A folder for this engine alone; the engine may read what lies in it."""
    above = settings.home / "tmp"
    above.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix="read-", dir=above))


def _copy(trusted: duckdb.DuckDBPyConnection, shown: Sequence[Shown], rows: Path) -> None:
    """Write the shown rows into a database file, with masks applied."""
    name = quote(f"copy_{rows.parent.name}")
    trusted.execute(f"attach {text(str(rows))} as {name}")
    try:
        for each in shown:
            schema = f"{name}.{quote(each.name.schema)}"
            trusted.execute(f"create schema if not exists {schema}")
            trusted.execute(f"create table {schema}.{quote(each.name.table)} as {each.query}")
    finally:
        trusted.execute(f"detach {name}")


def _open(settings: Settings, folder: Path) -> duckdb.DuckDBPyConnection:
    spill = folder / "spill"
    spill.mkdir(mode=0o700)
    engine = duckdb.connect(
        ":memory:",
        config={
            **CLOSED,
            "allow_unsigned_extensions": True,  # those of our wheels, by path: decision 0004
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": str(spill),
            "max_temp_directory_size": f"{disk_usage(spill).free // 2**21} MiB",  # half of it
            "secret_directory": str(spill),
        },
    )
    engine.execute("set timezone = 'UTC'")
    engine.execute("set enable_progress_bar = false")  # what is printed is the answer
    return engine


def _reach_store(engine: duckdb.DuckDBPyConnection, lake: Lake, settings: Settings) -> None:
    """Let the engine sign requests to the lake's store; it shows the secret to nobody."""
    if lake.folder.startswith("s3://"):
        engine.execute(f"load {text(extension('httpfs'))}")
        engine.execute(s3_secret(settings))


def _name(engine: duckdb.DuckDBPyConnection, shown: Shown) -> None:
    """Give a table the name that it is declared by."""
    name = shown.name
    known = {
        row[0] for row in engine.execute("select database_name from duckdb_databases()").fetchall()
    }
    if name.team not in known:
        engine.execute(f"attach ':memory:' as {quote(name.team)}")
    schema = f"{quote(name.team)}.{quote(name.stage)}"
    engine.execute(f"create schema if not exists {schema}")
    rows = f"from {COPIED}.{quote(name.schema)}.{quote(name.table)}"
    if shown.files:
        files = ", ".join(map(text, shown.files))
        columns = ", ".join(map(quote, shown.columns))
        rows = f"select {columns} from read_parquet([{files}], hive_partitioning = false)"
    engine.execute(f"create view {schema}.{quote(name.table)} as {rows}")


def _close_doors(engine: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Leave the engine these files to open; nothing can be set any more."""
    engine.execute(f"set allowed_paths = [{', '.join(map(text, files))}]")
    engine.execute("set enable_external_access = false")
    engine.execute("set lock_configuration = true")
