"""The content hash: equal rows hash alike, other rows do not."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.source.content import content_hash
from watermain.source.protocol import REJECTED, Backlog, Batch
from watermain.source.spill import Spill

SCHEMA = pa.schema([("a", pa.string()), ("b", pa.string()), ("n", pa.int64())])
ROW = st.tuples(
    st.none() | st.text(max_size=3), st.none() | st.text(max_size=3), st.none() | st.integers(0, 3)
)


def table(rows: list[tuple], chunks: list[int] | None = None) -> pa.Table:
    """The rows, cut into chunks of these sizes."""
    batches, at = [], 0
    for size in [*(chunks or []), len(rows)]:
        part = rows[at : at + size]
        columns = [pa.array([r[i] for r in part], f.type) for i, f in enumerate(SCHEMA)]
        batches.append(pa.record_batch(columns, schema=SCHEMA))
        at += size
    return pa.Table.from_batches(batches, SCHEMA)


def batch(rows: pa.Table | Path, **fields: object) -> Batch:
    return Batch(**{"shard": "s", "start": "", "end": "1", "rows": rows, **fields})  # type: ignore[arg-type]


@given(st.lists(ROW, max_size=12), st.lists(st.integers(0, 5), max_size=4))
def test_hash_depends_on_rows_and_not_on_chunks(rows: list[tuple], chunks: list[int]) -> None:
    whole = batch(table(rows)).content_hash
    assert batch(table(rows, chunks)).content_hash == whole
    sliced = pa.concat_tables([table([("x", "y", 1), *rows]).slice(1)])
    assert batch(sliced).content_hash == whole


@given(st.lists(ROW, max_size=6), st.lists(ROW, max_size=6))
def test_hash_tells_other_rows_apart(one: list[tuple], two: list[tuple]) -> None:
    hashes = {batch(table(rows)).content_hash for rows in (one, two)}
    assert len(hashes) == (1 if one == two else 2)


TYPED = {
    pa.bool_(): st.booleans(),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.date32(): st.dates(),
    pa.time32("ms"): st.times().map(lambda at: at.replace(microsecond=0)),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(UTC)),
    pa.decimal128(38, 2): st.decimals(-(10**30), 10**30, places=2),
}


@pytest.mark.parametrize("kind", TYPED, ids=str)
@given(st.data())
def test_hash_of_typed_values_tells_them_apart(kind: pa.DataType, data: st.DataObject) -> None:
    values = st.lists(st.none() | TYPED[kind], max_size=5)
    one, two = data.draw(values), data.draw(values)

    def column(held: list[object]) -> pa.Table:
        return pa.table({"a": pa.array(held, kind)})

    hashes = {batch(column(held)).content_hash for held in (one, two)}
    equal = [repr(v) for v in one] == [repr(v) for v in two]  # 0.0 is not -0.0
    assert len(hashes) == (1 if equal else 2)
    cut = pa.concat_tables([column([None, *one]).slice(1, 2), column(one).slice(2)])
    assert batch(cut).content_hash == batch(column(one)).content_hash


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([("ab", "c", 1)], [("a", "bc", 1)]),
        ([("", None, 1)], [(None, "", 1)]),
        ([("a", "b", 0)], [("a", "b", None)]),
        ([("a", "x", 1), ("b", "x", 1)], [("b", "x", 1), ("a", "x", 1)]),
        ([("a", "x", 1), ("", "x", 1)], [("", "x", 1), ("a", "x", 1)]),
    ],
)
def test_hash_tells_alike_rows_apart(one: list[tuple], two: list[tuple]) -> None:
    assert batch(table(one)).content_hash != batch(table(two)).content_hash


def test_hash_counts_names_types_and_rejects() -> None:
    rows = table([("a", "b", 1)])
    plain = batch(rows).content_hash
    assert batch(rows.rename_columns(["a", "c", "n"])).content_hash != plain
    assert batch(rows.set_column(2, "n", pa.array(["1"]))).content_hash != plain
    reject = {"position": "f:2", "reason": "bad", "payload": "x"}
    one = batch(rows, rejected=pa.Table.from_pylist([reject], REJECTED)).content_hash
    moved = pa.Table.from_pylist([{**reject, "position": "g:2"}], REJECTED)
    other = pa.Table.from_pylist([{**reject, "payload": "y"}], REJECTED)
    assert one != plain
    assert batch(rows, rejected=moved).content_hash == one
    assert batch(rows, rejected=other).content_hash != one


def test_hash_leaves_out_what_is_incidental() -> None:
    one, two = (table([(name, "b", 1)]) for name in ("x", "y"))
    assert batch(one).content_hash != batch(two).content_hash
    assert batch(one, incidental=("a",)).content_hash == batch(two, incidental=("a",)).content_hash


def test_hash_is_the_same_from_memory_as_from_a_file(tmp_path: Path) -> None:
    rows = table([("é" * n, None if n % 3 else "", n) for n in range(3000)], [7, 900])
    spill = Spill(tmp_path, SCHEMA, threshold=20_000)
    for part in rows.to_batches(max_chunksize=100):
        spill.add(part)
    path = spill.taken()
    assert isinstance(path, Path)
    assert batch(path).row_count == 3000
    assert batch(path).content_hash == batch(rows).content_hash
    assert batch(path).reader().read_all().equals(rows)


def test_hash_has_a_known_answer() -> None:
    """Ledgers keep hashes: a change of this value breaks every comparison with the past."""
    assert content_hash(SCHEMA, table([("a", None, 1)]).to_batches()).startswith("65f4b0471fe9a4dd")


def test_batch_is_named_by_its_place() -> None:
    ids = {
        batch(table([]), **place).batch_id
        for place in ({}, {"shard": "t"}, {"start": "1"}, {"end": "2"}, {"start": "s", "shard": ""})
    }
    assert len(ids) == 5
    assert batch(table([])).batch_id == batch(table([("a", "b", 1)])).batch_id


def test_backlog_is_empty_when_what_can_be_counted_is_none() -> None:
    assert Backlog().is_empty
    assert Backlog(rows=0, bytes=500).is_empty
    assert not Backlog(bytes=500).is_empty
    assert not Backlog(files=1).is_empty


def test_spill_leaves_no_file_when_discarded(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "new", SCHEMA, threshold=0)
    for part in table([("a", "b", 1)] * 10).to_batches():
        spill.add(part)
    assert spill.rows == 10
    assert len(list((tmp_path / "new").iterdir())) == 1
    spill.discard()
    spill.discard()
    assert list((tmp_path / "new").iterdir()) == []
    assert spill.taken() == SCHEMA.empty_table()
