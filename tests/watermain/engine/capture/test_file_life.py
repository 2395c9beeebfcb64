"""A dataset's whole life, each step of which leaves every row in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.faults import aside
from tests.watermain.engine.capture import test_change_capture
from tests.watermain.engine.capture.test_change_capture import Shop, bookings
from tests.watermain.engine.capture.test_file_capture import orders, source
from tests.watermain.engine.crowd import listed
from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_restore import SALES, snapshot, strict
from tests.watermain.engine.shop import give, job
from watermain.declare import DatasetName
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import discard, replay_captured
from watermain.engine.publish.publication import Job
from watermain.engine.publish.restore import promote, rollback
from watermain.engine.table import compaction
from watermain.lake import branch
from watermain.lake.lake import Lake, table
from watermain.lake.rest.inlined import LEDGER, inlined

shop = test_change_capture.shop
EVENTS = replace(aside.events, name=DatasetName("shop", "raw", "events"))
MENDED = replace(aside.widened, name=EVENTS.name)


def tables(lake: Lake) -> list[DatasetName]:
    """Every dataset of the present snapshot, by its table."""
    with lake.get_connection() as connection:
        found = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
            " and schema_name <> ? order by all",
            [LEDGER],
        ).fetchall()
    return [DatasetName(*str(schema).rsplit("_", 1), str(name)) for schema, name in found]


def of_files(lake: Lake, name: DatasetName) -> list[dict[str, Any]]:
    """What pyarrow finds in the files that the snapshot lists, without the rows deleted of them.

    Shapes: a column that a file lacks was added since, and is null there.
    """
    with lake.get_connection() as connection:
        columns = [str(row[0]) for row in connection.execute(f"describe {table(name)}").fetchall()]
    rows: list[dict[str, Any]] = []
    for path, deletes in listed(lake, name):
        gone = set(pq.ParquetFile(deletes).read()["pos"].to_pylist()) if deletes else set()
        held = pq.ParquetFile(path).read().to_pylist()
        assert not held or set(held[0]) <= set(columns)
        left = (row for number, row in enumerate(held) if number not in gone)
        rows += [{column: row.get(column) for column in columns} for row in left]
    return rows


def of_engine(lake: Lake, name: DatasetName) -> list[dict[str, Any]]:
    """What DuckDB reads of the table."""
    with lake.get_connection() as connection:
        found: list[dict[str, Any]] = (
            connection.execute(f"from {table(name)}").to_arrow_table().to_pylist()
        )
    return found


def prove(lake: Lake) -> dict[str, int]:
    """Hold both readers against each other; give how many rows each dataset has."""
    assert inlined(lake) == []
    counts = {}
    for name in tables(lake):
        engine, files = (sorted(map(repr, of(lake, name))) for of in (of_engine, of_files))
        assert files == engine, name
        counts[name.table] = len(engine)
    return counts


def has_deletes(lake: Lake, name: DatasetName) -> bool:
    return any(deletes for _, deletes in listed(lake, name))


def dropped(lake: Lake, folder: Path, text: str, file: str) -> None:
    """Capture one file of orders."""
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    made = Job(lake=lake, find={orders.name: orders}.__getitem__)
    capture(orders, made, source=source(folder))


def test_captured_rows_lie_in_files_from_the_first_to_the_last(shop: Shop, tmp_path: Path) -> None:
    """Files and a database: one row, a change, deletes, rows aside, replayed and discarded."""
    lake, folder = shop.lake, tmp_path / "drop"
    assert prove(lake) == {"bookings": 3}
    dropped(lake, folder, '{"id":1,"share":0.5,"word":"one"}\n', "a.jsonl")
    assert prove(lake) == {"bookings": 3, "orders": 1}
    shop.book((4, 4, "new"))
    shop.capture()
    shop.source.run("update bookings set note = 'more' where id = 4")
    shop.source.run("delete from bookings where id in (1, 2)")
    shop.capture()
    counts = prove(lake)
    assert counts == {"bookings": 7, "orders": 1}
    assert shop.captured("_op")[-4:] == [("i",), ("u",), ("d",), ("d",)]
    dropped(lake, folder, '{"id":2}\n{"id":"none"}\n', "b.jsonl")
    made = Job(lake=lake, find={}.__getitem__)
    capture(EVENTS, made, source=Feed(changes([*aside.GIVEN, aside.BROKEN])))
    assert prove(lake) == {**counts, "orders": 2, "events": 4}
    assert sum(replay_captured(MENDED, made).gained.values()) == 4
    assert prove(lake) == {**counts, "orders": 2, "events": 8}
    assert discard(MENDED, made, why="no use", by="ann") == 1
    shop.source.run("truncate bookings")
    shop.capture()
    assert prove(lake) == {"bookings": 9, "orders": 2, "events": 8}
    assert {str(name) for name in tables(lake)} == {
        str(each.name) for each in (bookings, orders, EVENTS)
    }


def test_published_rows_lie_in_files_from_the_first_to_the_last(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row, a change, deletes, a row aside, back, in a branch, promoted, compacted."""
    give(lake, strict([("a", 1, 1)]), "2013-01-01", "2013-01-01")
    assert prove(lake) == {"sales": 1}
    give(lake, strict([("a", 1, 1), ("b", 2, 2), ("c", 2, 3), ("d", 3, 4)]))
    then = snapshot(lake)
    assert prove(lake) == {"sales": 4}
    give(lake, strict([("b", 2, 20)]), "2013-01-02", "2013-01-02")
    assert prove(lake) == {"sales": 3}
    assert has_deletes(lake, SALES)
    give(lake, strict([]), "2013-01-03", "2013-01-03")
    assert prove(lake) == {"sales": 2}
    give(lake, strict([("b", 2, 20), ("q", 2, -1)]), "2013-01-02", "2013-01-02")
    assert prove(lake) == {"sales": 2}
    assert discard(strict([]), job(lake), why="no use", by="ann") == 1
    assert prove(lake) == {"sales": 2}
    rollback(strict([]), then, job(lake, strict([])))
    assert prove(lake) == {"sales": 4}
    branch.create(lake, "trial")
    other = lake.on("trial")
    assert prove(other) == {"sales": 4}
    give(other, strict([("e", 3, 5), ("f", 3, 6)]), "2013-01-03", "2013-01-03")
    assert (prove(other), prove(lake)) == ({"sales": 5}, {"sales": 4})
    promote("trial", job(lake, strict([])))
    assert prove(lake) == {"sales": 5}
    monkeypatch.setattr(compaction, "MOST_SPARED", 1)
    (done,) = compaction.compact_under_lease(lake, SALES, 5)
    assert (done.rows, done.files_after) == (5, 1)
    assert prove(lake) == {"sales": 5}
    assert not has_deletes(lake, SALES)
