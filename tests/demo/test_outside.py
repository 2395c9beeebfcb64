"""Tests of the contacts, of the partner's drop folder."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest

from demo.contacts import contacts, ensure_contacts
from demo.drop import drop_files, drop_weekly, ensure_drop, monday_of
from demo.flights import source_file


def test_contacts_are_the_same_for_the_same_seed() -> None:
    assert contacts(7) == contacts(7) != contacts(8)
    assert len(contacts(7)) == 48
    assert {carrier for _, carrier, *_ in contacts(7)} >= {"9E", "UA", "YV"}
    assert all(email.endswith(".example") for *_, email, _ in contacts(7))
    assert [number for number, *_, email, _ in contacts(7) if "@" not in email] == [17]
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


def test_partner_breaks_its_promise_each_week(tmp_path: Path) -> None:
    """In turn a value that is no number, a column of another name; never the same content."""
    days = [date(2013, 1, 1) + timedelta(days=n) for n in range(31)]
    paths = drop_weekly(tmp_path, days)
    assert [path.name for path in paths] == [
        f"airports-2013-01-{day}.csv" for day in ("07", "14", "21", "28")
    ]
    texts = [path.read_text() for path in paths]
    assert ["altitude" in text.splitlines()[0] for text in texts] == [True, False, True, False]
    assert [text.count(" ft,") for text in texts] == [0, 1, 0, 1]
    assert len(set(texts)) == 4
    whole = source_file("airports.csv").read_text().splitlines()
    assert all(line in whole for text in texts for line in text.splitlines()[1:4])


def test_update_is_written_once(tmp_path: Path) -> None:
    """Each day of a week names the same file; the reference files are delivered first."""
    drop = tmp_path / "drop"
    ensure_drop(drop)
    (first,) = drop_weekly(drop, [monday_of(date(2026, 11, 28))])
    assert first.name == "airports-2026-11-23.csv"
    assert drop_weekly(drop, [monday_of(date(2026, 11, 24))]) == []
    first.unlink()
    ensure_drop(drop)
    assert sorted(path.name for path in drop.iterdir()) == [
        "airlines.csv",
        "airports.csv",
        "planes.parquet",
    ]
