"""Negative zeros go through every way in which rows of a dataset are written."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from tests.watermain.engine.capture.test_file_capture import orders, source
from tests.watermain.engine.publish.test_restore import snapshot
from tests.watermain.engine.shop import job
from watermain.declare import Column, Contract, Dataset, DatasetName, dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.publish.restore import promote, rollback
from watermain.engine.table import compaction
from watermain.lake import branch
from watermain.lake.lake import Lake, table

COUNT = 1200
NAME = DatasetName("shop", "curated", "shares")
COLUMNS = (
    Column("id", pa.int64(), "which"),
    Column("share", pa.float64(), "of the whole"),
    Column("parts", pa.struct([("x", pa.float32())]), "of the share"),
)


def zero(number: int, turn: int) -> float:
    """Every third one is negative, from `turn` on."""
    return -0.0 if number % 3 == turn else 0.0


def shares(turn: int) -> Dataset:
    """Nothing at all, in both ways, many times."""

    def body() -> pa.Table:
        rows = [
            {"id": n, "share": zero(n, turn), "parts": {"x": zero(n // 2, turn)}}
            for n in range(COUNT)
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, c.type) for c in COLUMNS]))

    made: Dataset = dataset(
        str(NAME),
        contract=Contract(grain="one row per share", key=("id",), columns=COLUMNS),
        owner="team:shop",
    )(body)
    return made


def negative(lake: Lake) -> tuple[int, int, int]:
    """The rows, those whose share, whose part is a negative zero."""
    with lake.get_connection() as connection:
        row = connection.execute(
            "select count(*), count(*) filter (signbit(share)), count(*) filter (signbit(parts.x))"
            f" from {table(NAME)}"
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def wanted(turn: int) -> tuple[int, int, int]:
    """The same as the body has it."""
    signs = [(zero(n, turn), zero(n // 2, turn)) for n in range(COUNT)]
    one, other = (sum(math.copysign(1, pair[k]) < 0 for pair in signs) for k in (0, 1))
    return COUNT, one, other


def test_published_zeros_keep_their_sign(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published, published anew, in a branch, promoted, rolled back, made few."""
    first, second = shares(0), shares(1)
    publish(first, None, job(lake, first)).refuse_blocked()
    then = snapshot(lake)
    assert negative(lake) == wanted(0)
    branch.create(lake, "trial")
    other = lake.on("trial")
    publish(second, None, job(other, second)).refuse_blocked()
    assert (negative(other), negative(lake)) == (wanted(1), wanted(0))
    promote("trial", job(lake, second))
    assert negative(lake) == wanted(1)
    rollback(first, then, job(lake, first))
    assert negative(lake) == wanted(0)
    monkeypatch.setattr(compaction, "MOST_SPARED", 1)
    compaction.compact_under_lease(lake, NAME, 5)
    assert negative(lake) == wanted(0)


def test_captured_zeros_keep_their_sign(lake: Lake, tmp_path: Path) -> None:
    """As the file writes them, a thousand of each."""
    lines = (f'{{"id":{n},"share":{zero(n, 0)}}}\n' for n in range(COUNT))
    (tmp_path / "a.jsonl").write_text("".join(lines))
    made = Job(lake=lake, find={orders.name: orders}.__getitem__)
    capture(orders, made, source=source(tmp_path))
    with lake.get_connection() as connection:
        found = connection.execute(
            f"select id from {table(orders.name)} where signbit(share) order by id"
        ).fetchall()
    assert found == [(n,) for n in range(0, COUNT, 3)]
