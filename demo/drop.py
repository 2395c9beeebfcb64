"""The partner's drop folder, where reference files appear."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import duckdb

from demo.flights import PLANES, read_csv, source_file
from watermain import durable

AT_HOME = ("EWR", "JFK", "LGA")
MONDAY = 0


def drop_folder(data_dir: Path) -> Path:
    """Return the folder into which the partner drops files."""
    return data_dir / "demo" / "partner_drop"


def drop_files(folder: Path, *, half_written: bool = False) -> list[Path]:
    """Write airlines.csv, airports.csv and planes.parquet; each appears whole or not at all.

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


def ensure_drop(folder: Path) -> None:
    """Write the partner's files unless the folder is there."""
    if not folder.exists():
        drop_files(folder)


def drop_weekly(folder: Path, days: Iterable[date]) -> list[Path]:
    """Write the partner's update of airports for each Monday of the days; each breaks a promise.

    In odd weeks of the calendar one altitude is no number, such as `19 ft`, and in even weeks the
    column `alt` is called `altitude`.
    Guarantees: the same bytes every time, and a file that is there is left alone.
    """
    paths = {folder / f"airports-{day}.csv": day for day in days if day.weekday() == MONDAY}
    return [
        _write(path, _update(day), half_written=False)
        for path, day in paths.items()
        if not path.exists()
    ]


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _update(day: date) -> bytes:
    """The three airports at home beside one that the week names."""
    with source_file("airports.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    week = day.isocalendar().week
    others = [row for row in rows if row["faa"] not in AT_HOME]
    named, fields = dict(others[day.toordinal() // 7 % len(others)]), list(rows[0])
    if week % 2:
        named["alt"] += " ft"
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    text.write(",".join("altitude" if f == "alt" and week % 2 == 0 else f for f in fields) + "\n")
    writer.writerows([*(row for row in rows if row["faa"] in AT_HOME), named])
    return text.getvalue().encode()


def _write(path: Path, content: bytes, *, half_written: bool) -> Path:
    if half_written:
        path.write_bytes(content[: len(content) // 2])
        return path
    durable.replace(path, content, mode=0o644)
    return path


def _planes() -> bytes:
    with tempfile.TemporaryDirectory(prefix="watermain-") as folder, duckdb.connect() as connection:
        connection.execute("set threads = 1")
        read_csv(connection, "planes", source_file("planes.csv"), PLANES)
        path = Path(folder) / "planes.parquet"
        connection.execute("copy planes to $path (format parquet)", {"path": str(path)})
        return path.read_bytes()
