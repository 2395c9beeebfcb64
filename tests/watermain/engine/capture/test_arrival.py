"""A batch is read where it arrived; what is copied, what the engine may ask of Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from watermain.declare import Column, Contract, Files, raw
from watermain.engine.capture import arrival
from watermain.engine.capture.arrival import TYPED, Arrival
from watermain.source.protocol import Batch

readings = raw(
    "field.raw.readings",
    source=Files(connection="drop", pattern="*.jsonl", format="json"),
    contract=Contract(
        grain="one row per reading",
        key=("number",),
        columns=(
            Column("number", pa.int64(), "the reading"),
            Column("value", pa.float64(), "what was read", unit="m"),
            Column("word", pa.string(), "what was said"),
        ),
    ),
    owner="team:field",
)
NAN, INFINITE = float("nan"), float("inf")


def batch(values: list[float | None], numbers: list[Any] | None = None) -> Batch:
    """Readings as a file has them, typed where `numbers` are."""
    count = len(values)
    columns = {
        "number": pa.array(numbers or list(range(count))),
        "value": pa.array(values, pa.float64()),
        "word": pa.array(["x" * 10] * count),
        "_file": pa.array(["f"] * count),
        "_file_hash": pa.array(["h"] * count),
        "_row": pa.array(range(count)),
        "_delivered_at": pa.array([datetime(2013, 1, 1, tzinfo=UTC)] * count),
    }
    return Batch(shard="s", start="", end=str(values), rows=pa.table(columns))


@pytest.fixture
def taken() -> Iterator[Arrival]:
    """What takes the batches, in an engine of its own."""
    with duckdb.connect() as connection:
        yield Arrival(dataset=readings, connection=connection)


def asked(taken: Arrival, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return taken.connection.execute(query).fetchall()


def copies(taken: Arrival) -> int:
    """How many tables there are."""
    return len(asked(taken, "select table_name from duckdb_tables()"))


def test_rows_that_fit_are_not_copied(taken: Arrival) -> None:
    held = batch([1.0, None])
    assert taken.take(held, []) == 0
    assert asked(taken, f"select number, value, _batch_id, _reason from {TYPED}") == [
        (0, 1.0, held.batch_id, None),
        (1, None, held.batch_id, None),
    ]
    assert copies(taken) == 0


@pytest.mark.parametrize(
    ("condition", "count"),
    [("value > 500", 3), ("value >= 'inf'::double", 2), ("value < 0 or value > 500", 4),
     ("value <= 500", 3), ("value <> 600", 5), ("value = 'nan'::double", 1), ("value < 0", 1)],
)  # fmt: skip
def test_filter_is_answered_as_the_engine_answers(
    taken: Arrival, condition: str, count: int
) -> None:
    """Arrow would leave out NaN, which the engine takes for the largest number."""
    held = batch([1.0, NAN, 600.0, None, INFINITE, -0.0, -3.5])
    taken.take(held, [])
    assert asked(taken, f"select count(*) from {TYPED} where {condition}") == [(count,)]
    assert asked(taken, f"select value::varchar from {TYPED} where number = 5") == [("-0.0",)]
    taken.own()
    assert asked(taken, f"select count(*) from {TYPED} where {condition}") == [(count,)]


def test_row_that_does_not_fit_stands_with_its_reason(taken: Arrival) -> None:
    assert taken.take(batch([1.0, 2.0], ["7", "seven"]), []) == 1
    assert asked(taken, f"select _row, number, _reason from {TYPED} order by 1") == [
        (0, 7, None),
        (1, None, "`number` is not int64"),
    ]
    payloads = asked(taken, f"select _payload->>'number', _payload->>'_file' from {TYPED}")
    assert payloads == [(None, None), ("seven", "f")]


def test_rows_of_their_own_can_go_until_the_next_batch(taken: Arrival) -> None:
    taken.take(batch([1.0, 2.0, 3.0]), [])
    assert asked(taken, f"delete from {taken.own()} where number = 1") == [(1,)]
    taken.own()
    assert asked(taken, f"select number from {TYPED} order by 1") == [(0,), (2,)]
    taken.take(batch([4.0]), [])
    assert asked(taken, f"select number, value from {TYPED}") == [(0, 4.0)]
    assert copies(taken) == 0


@pytest.mark.parametrize("numbers", [None, ["0", *map(str, range(1, 99)), "odd"]])
def test_pieces_of_a_file_hold_each_row_once(
    taken: Arrival, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: list[str] | None
) -> None:
    """Whether its rows lie in the file or, for one of them, in a table."""
    monkeypatch.setattr(arrival, "PIECE_BYTES", 300)
    whole = batch([1.0] * 100, numbers)
    assert isinstance(whole.rows, pa.Table)
    pq.write_table(whole.rows, tmp_path / "rows.parquet", row_group_size=7)
    held = Batch(shard="s", start="", end="1", rows=tmp_path / "rows.parquet")
    assert taken.take(held, []) == (0 if numbers is None else 1)
    pieces = list(taken.pieces(held))
    assert len(pieces) > 3
    rows = [r for p in pieces for r in asked(taken, f"select _row from {TYPED} where true{p}")]
    assert sorted(rows) == [(n,) for n in range(100)]
    assert copies(taken) == (0 if numbers is None else 1)
