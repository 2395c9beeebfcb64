"""Frames of an asset become batches, each frame once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from watermain.declare.errors import SourceError
from watermain.source.brought.frames import FrameSource
from watermain.source.protocol import Batch, Limit, Shape

SHAPE = Shape(
    dataset="shop.raw.quotes",
    columns=("id", "price", "at"),
    types=(pa.int64(), pa.decimal128(10, 2), pa.timestamp("us", "UTC")),
    key=("id",),
    keeps_extra=True,
)
AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
ROWS = [{"id": 1, "price": Decimal("1.50"), "at": AT}, {"id": None, "price": None, "at": None}]
TEXTS = [("1", "1.50", "2026-01-01 09:00:00.000000Z"), (None, None, None)]


def batches(frame: Any, after: dict[str, str] | None = None) -> list[Batch]:
    """What a source gives of a frame."""
    source = FrameSource(SHAPE, {"asset": lambda: frame})
    return list(source.batches(after=after or {}, limit=Limit()))


def rows(batch: Batch) -> list[tuple[Any, ...]]:
    """The declared columns of a batch."""
    assert isinstance(batch.rows, pa.Table)
    return [tuple(row[name] for name in SHAPE.columns) for row in batch.rows.to_pylist()]


@pytest.mark.parametrize(
    "frame",
    [
        pa.Table.from_pylist(ROWS),
        pa.Table.from_pylist(ROWS).to_batches()[0],
        pa.Table.from_pylist(ROWS).to_reader(),
        pd.DataFrame(ROWS),
        pl.DataFrame(ROWS),
        pl.DataFrame(ROWS).lazy(),
        ibis.memtable(pa.Table.from_pylist(ROWS)),
        ROWS,
    ],
    ids=["table", "batch", "reader", "pandas", "polars", "lazy", "ibis", "dicts"],
)
def test_frame_of_any_library_is_told_exactly(frame: Any) -> None:
    """Integers that pandas keeps as floats beside nulls are integers again."""
    (batch,) = batches(frame)
    found = rows(batch)
    assert found[1] == TEXTS[1]
    assert found[0][0] == "1"
    assert Decimal(found[0][1]) == Decimal("1.50")
    assert pd.Timestamp(found[0][2]) == pd.Timestamp(AT)
    assert isinstance(batch.rows, pa.Table)
    assert batch.rows.column("_delivery").to_pylist() == [1, 1]
    assert batch.rows.column("_row").to_pylist() == [1, 2]


def test_same_frame_again_is_no_delivery_but_one_that_returns_is() -> None:
    """Positions follow each other, and the same frames make the same batches."""
    first, second = [{"id": 1}], [{"id": 2}]
    (one,) = batches(first)
    assert batches(first, {"asset": one.end}) == []
    (two,) = batches(second, {"asset": one.end})
    (three,) = batches(first, {"asset": two.end})
    assert [b.start for b in (one, two, three)] == ["", one.end, two.end]
    assert [b.end[:2] for b in (one, two, three)] == ["1:", "2:", "3:"]
    (again,) = batches(first)
    assert (again.batch_id, again.content_hash) == (one.batch_id, one.content_hash)
    assert batches([], {"asset": one.end}) == []
    assert batches([]) == []


def test_whatever_a_frame_holds_besides_is_kept() -> None:
    """Unknown columns are packed, nested values as JSON, a column that is gone is told."""
    (batch,) = batches([{"id": 1, "why": {"a": [1, 2]}, "price": "odd"}, {"id": "x", "price": 2}])
    assert isinstance(batch.rows, pa.Table)
    assert rows(batch) == [("1", "odd", None), ("x", "2", None)]
    assert batch.rows.column("_extra").to_pylist() == ['{"why": "{\\"a\\": [1, 2]}"}', None]
    assert batch.unknown_columns == ("why",)
    assert batch.missing_columns == ("at",)


def test_row_that_cannot_be_told_goes_aside_alone() -> None:
    """Bytes that are no text, in the middle of others."""
    frame = pa.table({"id": [1, 2, 3], "price": pa.array([b"1", b"\xff", b"3"])})
    (batch,) = batches(frame)
    assert [row[0] for row in rows(batch)] == ["1", "3"]
    (reject,) = batch.rejected.to_pylist()
    assert reject["position"] == "2"
    assert "no UTF-8" in reject["reason"]
    assert '"id": "2"' in reject["payload"]


@pytest.mark.parametrize("value", ["text", None, 3, {"a": 1}, [1, 2]])
def test_value_that_is_no_frame_is_refused(value: Any) -> None:
    """With what may be returned."""
    with pytest.raises(SourceError, match="which is no frame") as refused:
        batches(value)
    assert refused.value.next.startswith("return a frame of pandas")
