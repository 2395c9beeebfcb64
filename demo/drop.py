"""The partner's drop folder, where reference files appear."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import duckdb

from demo.flights import PLANES, read_csv, source_file


def drop_folder(data_dir: Path) -> Path:
    """Return the folder into which the partner drops files."""
    return data_dir / "demo" / "partner_drop"


def drop_files(folder: Path, *, half_written: bool = False) -> list[Path]:
    """Write airlines.csv, airports.csv, planes.parquet; each appears whole or not at all.

    `half_written` leaves the first half of each under its final name, as a broken transfer does.
    Guarantees: the same bytes every time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "airlines.csv": source_file("airlines.csv").read_bytes(),
        "airports.csv": source_file("airports.csv").read_bytes(),
        "planes.parquet": _planes(),
    }
    return [
        _write(folder / name, content, half_written=half_written)
        for name, content in contents.items()
    ]


def _write(path: Path, content: bytes, *, half_written: bool) -> Path:
    if half_written:
        path.write_bytes(content[: len(content) // 2])
        return path
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    return path


def _planes() -> bytes:
    with tempfile.TemporaryDirectory(prefix="watermain-") as folder, duckdb.connect() as connection:
        connection.execute("set threads = 1")
        read_csv(connection, "planes", source_file("planes.csv"), PLANES)
        path = Path(folder) / "planes.parquet"
        connection.execute("copy planes to $path (format parquet)", {"path": str(path)})
        return path.read_bytes()
