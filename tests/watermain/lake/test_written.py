"""New data files are found by their names, in partitions as well."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from watermain.lake.written import Written, present

TABLE = "shop_curated/sales"


def data_file(lake: Path, inside: str, at: float, suffix: str = ".parquet") -> Path:
    """A data file as DuckLake names one that it makes at that time."""
    moment = f"{int(at * 1000):012x}"
    path = lake / inside / f"ducklake-{moment[:8]}-{moment[8:]}-7000-8000-000000000000{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"rows")
    return path


def test_new_files_are_flushed_wherever_they_lie(tmp_path: Path) -> None:
    """In the table's folder, in one of its partitions, in the ledger's, which is not counted."""
    now = time.time()
    data_file(tmp_path, TABLE, now - 3 * 3600)
    written = Written(f"{tmp_path}/", (TABLE, "shop_curated/none"), present(str(tmp_path)))
    new = [data_file(tmp_path, f"{TABLE}{inside}", now) for inside in ("", "/day=05/hour=1")]
    deleted = data_file(tmp_path, TABLE, now, "-delete.parquet")
    ledgers = data_file(tmp_path, "upkeep_raw/batches", now)
    assert written.sync() == 12
    assert written.paths == {str(path) for path in (*new, deleted, ledgers)}
    assert sorted(written.data_files()) == sorted(map(str, new))


def test_after_the_last_only_the_ledger_is_listed(tmp_path: Path) -> None:
    """The closing flush of the transaction finds its rows, asks no table again."""
    written = Written(f"{tmp_path}/", (TABLE,), present(str(tmp_path)))
    rows = data_file(tmp_path, TABLE, time.time())
    assert (written.sync(), written.sync(last=True)) == (4, 4)
    data_file(tmp_path, TABLE, time.time() + 1)
    ledgers = data_file(tmp_path, "upkeep_raw/batches", time.time())
    assert written.sync() == 0
    assert written.paths == {str(rows), str(ledgers)}


@pytest.mark.parametrize(("ago", "found"), [(30, 1), (120, 0)])
def test_of_older_files_nothing_but_the_name_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: int, found: int
) -> None:
    """A lake with ten thousand files is not asked about each; a minute is left to clocks."""
    looked: list[str] = []
    path = data_file(tmp_path, TABLE, time.time() - ago)
    monkeypatch.setattr(
        os, "fsync", lambda number: looked.append(os.readlink(f"/proc/self/fd/{number}"))
    )
    Written(f"{tmp_path}/", (TABLE,), 0.0).sync()
    assert looked == ([str(path), str(path.parent)] if found else [])


def test_files_of_earlier_transactions_are_not_new(tmp_path: Path) -> None:
    """Named a moment ago, written before."""
    path = data_file(tmp_path, TABLE, time.time())
    os.utime(path, (0, 0))
    written = Written(f"{tmp_path}/", (TABLE,), present(str(tmp_path)))
    assert (written.sync(), written.data_files()) == (0, ())
