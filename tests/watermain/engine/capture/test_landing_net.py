"""A row that the engine cannot take ends no capture: it goes aside, its neighbours are rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.watermain.engine.feed import Feed, changes
from watermain.declare import Column, Contract, Files, Kafka, Mqtt, Postgres, Sensitivity, raw
from watermain.declare.check import Query
from watermain.declare.dataset import Dataset
from watermain.declare.outside.source import Source
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.landing_net import sound_part
from watermain.engine.publish.publication import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.protocol import Batch

CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    columns=(Column("id", pa.string(), "the thing"), Column("note", pa.string(), "about it")),
)
FILES = Files(connection="drop", pattern="*.csv", format="csv")
DEVICES = Mqtt(connection="bus", topic="t", device="d", sequence="n")
BROKEN = pa.array([b"\xff\xfe"]).view(pa.string())  # what no engine takes for text


def things(source: Source = FILES, *checks: Any) -> Dataset:
    """Things of a source."""
    return raw(
        "shop.raw.things", source=source, contract=CONTRACT, owner="team:shop", checks=checks
    )


def arrived(*notes: str | None, **own: list[Any]) -> Batch:
    """A batch of things numbered from 0; a note that is None cannot be landed."""
    text = pa.chunked_array(
        [BROKEN if note is None else pa.array([note]) for note in notes], pa.string()
    )
    count = len(notes)
    delivery = {
        "_file": ["f"] * count, "_file_hash": ["h"] * count, "_row": list(range(1, count + 1)),
        "_delivered_at": ["2013-01-01 00:00:00+00"] * count,
    }  # fmt: skip
    columns = {"id": pa.array(map(str, range(count)), pa.string()), "note": text}
    rest = {name: pa.array(each) for name, each in (own or delivery).items()}
    rows = pa.table({**columns, **rest}).combine_chunks()
    return Batch(shard="files/h", start="", end="h", rows=rows)


def captured(lake: Lake, dataset: Dataset, *batches: Batch) -> tuple[list[Any], list[Any]]:
    """Raw with quarantine after the batches were captured, twice."""
    job = Job(lake=lake, find={dataset.name: dataset}.__getitem__)
    for _ in range(2):
        capture(dataset, job, source=Feed(*batches))
    with lake.get_connection() as connection:
        rows = connection.execute(f"select id, note from {table(dataset.name)} order by 1, 2")
        return rows.fetchall(), connection.execute(
            f"select position, reason, payload from {ledger.QUARANTINE} order by position"
        ).fetchall()


def test_row_that_the_engine_refuses_is_aside_with_its_content(lake: Lake) -> None:
    """The error's type is its reason; the ledger counts it."""
    rows, aside = captured(lake, things(), arrived("a", None, "c", "d", None))
    assert rows == [("0", "a"), ("2", "c"), ("3", "d")]
    assert [position for position, _, _ in aside] == ["2", "5"]
    assert all(why.startswith("cannot be read: InvalidInputException: ") for _, why, _ in aside)
    assert [json.loads(held) for _, _, held in aside] == [
        {"id": n, "note": "\\xfffe", "_file": "f", "_file_hash": "h", "_row": row,
         "_delivered_at": "2013-01-01 00:00:00+00"}
        for n, row in (("1", "2"), ("4", "5"))
    ]  # fmt: skip
    with lake.get_connection() as connection:
        counted = f"select rows_in, rows, quarantined from {ledger.BATCHES}"
        assert connection.execute(counted).fetchall() == [(5, 3, 2)]


def test_row_in_a_file_is_singled_out_alike(lake: Lake, tmp_path: Path) -> None:
    """What was too large for memory is read a few rows at a time."""
    batch = arrived("a", None, "c")
    assert isinstance(batch.rows, pa.Table)
    spilled = tmp_path / "1.spill.parquet"
    pq.write_table(batch.rows, spilled)
    big = Batch(shard=batch.shard, start="", end="h", rows=spilled)
    rows, aside = captured(lake, things(), big)
    assert rows == [("0", "a"), ("2", "c")]
    assert [position for position, _, _ in aside] == ["2"]
    assert list(tmp_path.glob("*.spill.parquet")) == [spilled]


def test_row_that_a_check_cannot_be_asked_about_is_aside(lake: Lake) -> None:
    """What raises behind the typing, in the lake's own transaction, is singled out there."""
    number = Query(name="is_a_number", sql='select * from "shop.raw.things" where note::int < 0')
    rows, aside = captured(lake, things(FILES, number), arrived("1", "no number", "3"))
    assert rows == [("0", "1"), ("2", "3")]
    ((position, why, payload),) = aside
    assert position == "2"
    assert why.startswith("cannot be read: ConversionException: Conversion Error")
    assert json.loads(payload)["note"] == "no number"


def test_error_about_a_personal_value_is_kept_without_it(lake: Lake) -> None:
    """The engine's message repeats what it could not read: its type alone is the reason."""
    number = Query(name="is_a_number", sql='select * from "shop.raw.things" where note::int < 0')
    plain, note = CONTRACT.columns
    hidden = replace(note, sensitivity=Sensitivity.PERSONAL)
    contract = replace(CONTRACT, columns=(plain, hidden))
    dataset = replace(things(FILES, number), contract=contract)
    rows, aside = captured(lake, dataset, arrived("1", "ann@b.c", "3"))
    assert rows == [("0", "1"), ("2", "3")]
    ((position, why, payload),) = aside
    assert (position, why) == ("2", "cannot be read: ConversionException: ***")
    assert json.loads(payload)["note"] == "ann@b.c"


def test_error_that_is_no_row_s_fault_is_raised(lake: Lake) -> None:
    """Without a single row it comes again: nothing goes aside, nothing is committed."""
    wrong = Query(name="is_wrong", sql='select * from "shop.raw.things" where nothing_of_the_kind')
    with pytest.raises(duckdb.BinderException, match="nothing_of_the_kind"):
        captured(lake, things(FILES, wrong), arrived("a"))
    with lake.get_connection() as connection:
        for kept in (table(things().name), ledger.QUARANTINE, ledger.BATCHES):
            assert connection.execute(f"select count(*) from {kept}").fetchall() == [(0,)]


def test_change_aside_leaves_its_transaction_in_order(lake: Lake) -> None:
    """Later changes of the key apply; the one between is told of."""
    source = Postgres(connection="shop", table="public.things")
    batch = changes([{"id": "1", "note": "a"}, {"id": "1", "note": "x", "_op": "u"},
                     {"id": "2", "note": "b"}, {"id": "1", "note": "c", "_op": "u"}])  # fmt: skip
    assert isinstance(batch.rows, pa.Table)
    notes = batch.rows["note"].combine_chunks()
    broken = pa.concat_arrays([notes.slice(0, 1), BROKEN, notes.slice(2)])
    at = batch.rows.schema.get_field_index("note")
    odd = Batch(shard="s", start="", end="1", rows=batch.rows.set_column(at, "note", broken))
    dataset = things(source)
    rows, aside = captured(lake, dataset, odd)
    assert rows == [("1", "a"), ("1", "c"), ("2", "b")]
    assert [position for position, _, _ in aside] == ["1000"]
    with lake.get_connection() as connection:
        told = f"select _op, _seq from {table(dataset.name)} where id = '1' order by _lsn, _seq"
        assert connection.execute(told).fetchall() == [("i", 0), ("u", 3)]


@pytest.mark.parametrize(
    ("source", "own", "position"),
    [
        (Kafka(connection="bus", topic="t"), {"_offset": [7]}, "files/h/7"),
        (DEVICES, {"_topic": ["t/1"], "_device": ["d"], "_sequence": [9]}, "t/1/d/9"),
        (FILES, {"_row": [3]}, "3"),
        (Postgres(connection="shop", table="public.t"), {"_lsn": [5]}, "5"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_position_is_in_the_words_of_its_kind(
    source: Source, own: dict[str, list[Any]], position: str
) -> None:
    """The same as of a row that does not fit its type."""

    def tried(part: Batch) -> None:
        if part.row_count:
            raise ValueError("no")

    batch = arrived("a", **own)
    with sound_part(batch, source, tried, ValueError("no")) as sound:
        assert sound.row_count == 0
        assert sound.batch_id == batch.batch_id
        assert [row["position"] for row in sound.rejected.to_pylist()] == [position]
