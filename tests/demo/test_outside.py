"""Tests of the contacts, of the partner's drop folder."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg
import pytest

from demo.contacts import contacts, ensure_contacts
from demo.drop import drop_files
from demo.flights import source_file


def test_contacts_are_the_same_for_the_same_seed() -> None:
    assert contacts(7) == contacts(7) != contacts(8)
    assert len(contacts(7)) == 48
    assert {carrier for _, carrier, *_ in contacts(7)} >= {"9E", "UA", "YV"}
    assert all(email.endswith(".example") for *_, email, _ in contacts(7))
    assert all(phone.startswith("+1-212-555-01") for *_, phone in contacts(7))


def test_contacts_are_put_in_once(connection: psycopg.Connection) -> None:
    ensure_contacts(connection, seed=7)
    ensure_contacts(connection, seed=8)
    rows = connection.execute("select * from public.airline_contacts order by 1").fetchall()
    assert rows == contacts(7)


def test_drop_writes_whole_files_with_the_same_bytes(tmp_path: Path) -> None:
    paths = drop_files(tmp_path)
    first = {path.name: path.read_bytes() for path in paths}
    assert {path.name: path.read_bytes() for path in drop_files(tmp_path)} == first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(first)
    assert first["airlines.csv"] == source_file("airlines.csv").read_bytes()
    planes = duckdb.read_parquet(str(tmp_path / "planes.parquet"))
    assert planes.columns[:2] == ["tailnum", "year"]
    assert planes.aggregate("count(*), count(year), sum(seats)").fetchall() == [
        (3322, 3252, 512_639)
    ]


def test_half_written_files_are_broken(tmp_path: Path) -> None:
    whole = {path.name: path.stat().st_size for path in drop_files(tmp_path)}
    half = {path.name: path.stat().st_size for path in drop_files(tmp_path, half_written=True)}
    assert half == {name: size // 2 for name, size in whole.items()}
    with pytest.raises(duckdb.InvalidInputException):
        duckdb.read_parquet(str(tmp_path / "planes.parquet"))
