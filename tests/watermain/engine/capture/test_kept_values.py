"""What is published is read back equal: by the engine, from the files by another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import declared
from tests.watermain.engine.capture.test_file_capture import WORD
from tests.watermain.engine.crowd import listed
from tests.watermain.engine.feed import Feed
from tests.watermain.engine.kept_values import KINDS, KNOWN, filled, plain, values_of
from watermain.declare import Column, Contract, Dataset, dataset, raw
from watermain.declare.outside.source import Source
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake, table
from watermain.lake.rest.inlined import inlined
from watermain.source.files.files import FileSource
from watermain.source.protocol import Batch, Shape

CAPTURED = declared.VALUE_SOURCES
# What sources give in its type; the rest comes as text.
HANDED_OVER = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.uint64()),
    *(pa.float32(), pa.float64(), pa.bool_(), pa.string()),
    *(pa.decimal128(38, 10), pa.decimal128(38, 0), pa.timestamp("us"), pa.timestamp("us", "UTC")),
)


def columns(*kinds: pa.DataType) -> Contract:
    """A contract of these types beside a number."""
    told = [Column(f"c{n}", kind, str(kind)) for n, kind in enumerate(kinds)]
    return Contract(
        grain="one row per n", key=("n",), columns=(Column("n", pa.int64(), "number"), *told)
    )


def of_rows(contract: Contract, arrays: list[pa.Array]) -> pa.Table:
    """The rows of such a contract."""
    count = len(arrays[0])
    return pa.table([pa.array(range(count), pa.int64()), *arrays], schema=contract.schema)


def computed(lake: Lake, name: str, rows: pa.Table, contract: Contract) -> Dataset:
    """Publish rows as a body returns them."""
    made = dataset(f"kept.curated.{name}", contract=contract, owner="team:kept")(lambda: rows)
    job = Job(lake=lake, find={made.name: made}.__getitem__, run_id="test", rebuild=True)
    publish(made, None, job).refuse_blocked()
    return made


def captured(lake: Lake, name: str, rows: pa.Table, contract: Contract, kind: str) -> Dataset:
    """Publish rows as a source of that kind hands them over, each in the type that it had."""
    source = CAPTURED[kind]
    assert isinstance(source, Source)
    made = raw(f"kept.raw.{name}", source=source, contract=contract, owner="team:kept")
    for field in source.own:
        value = {"_op": "i", "_seq": 1}.get(field.name)
        rows = rows.append_column(field, pa.array([value] * rows.num_rows, field.type))
    job = Job(lake=lake, find={made.name: made}.__getitem__)
    capture(made, job, source=Feed(Batch(shard="s", start="", end="1", rows=rows)))
    return made


def read_back(lake: Lake, made: Dataset) -> tuple[list[Any], list[Any]]:
    """The rows as the engine reads them, and as the files alone have them."""
    names = made.contract.schema.names
    with lake.get_connection() as connection:
        shown = ", ".join(f'"{n}"' for n in names)
        found = connection.execute(f"select {shown} from {table(made.name)} order by n")
        engine = found.to_arrow_table().to_pylist()
    files: list[dict[str, Any]] = []
    for path, deletes in listed(lake, made.name):
        assert deletes is None
        files += pq.ParquetFile(path).read(names).to_pylist()
    return plain(engine), plain(sorted(files, key=lambda row: row["n"]))


@pytest.mark.parametrize("count", [1, 600])
def test_every_type_of_a_body_comes_back_equal(count: int, shared_lake: Lake) -> None:
    """In one row as in many; the catalog holds nothing of it."""
    told = [pair for pair in KNOWN if pair[0] != pa.large_string()]
    contract = columns(*(each for each, _ in told))
    rows = of_rows(contract, [filled(each, values, count) for each, values in told])
    made = computed(shared_lake, f"body_{count}", rows, contract)
    engine, files = read_back(shared_lake, made)
    assert engine == files == plain(rows.to_pylist())
    assert inlined(shared_lake) == []


@pytest.mark.parametrize("count", [1, 600])
@pytest.mark.parametrize("kind", sorted(CAPTURED))
def test_every_plain_type_of_a_source_comes_back_equal(
    kind: str, count: int, shared_lake: Lake
) -> None:
    """Each kind lands in files alike, its rows in the types that it hands over."""
    told = [pair for pair in KNOWN if pair[0] in HANDED_OVER]
    contract = columns(*(each for each, _ in told))
    rows = of_rows(contract, [filled(each, values, count) for each, values in told])
    made = captured(shared_lake, f"{kind}_{count}", rows, contract, kind)
    engine, files = read_back(shared_lake, made)
    assert engine == files == plain(rows.to_pylist())
    assert inlined(shared_lake) == []


@pytest.mark.parametrize("count", [1, 600])
def test_structs_of_dropped_lines_come_back_equal(
    count: int, shared_lake: Lake, tmp_path: Path
) -> None:
    """An apostrophe, a backslash, a date in a struct survive in one row as in many."""
    facts = pa.struct([("a", pa.int64()), ("b", pa.string()), ("on", pa.date32())])
    name = f"kept.raw.lines_{count}"
    contract = columns(facts)
    made = raw(name, source=WORD, contract=contract, owner="team:kept")
    texts = ["it's", "C:\\x", 'say "no"']
    wanted = [{"n": n, "c0": {"a": n, "b": texts[n % 3], "on": "2013-01-01"}} for n in range(count)]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in wanted))
    source = FileSource(WORD, Shape.of(made), folder=lambda: str(tmp_path), scratch=tmp_path / "s")
    job = Job(lake=shared_lake, find={made.name: made}.__getitem__)
    capture(made, job, source=source)
    engine, files = read_back(shared_lake, made)
    assert engine == files
    for row in engine:
        row["c0"]["on"] = row["c0"]["on"].isoformat()
    assert engine == wanted


NUMBERS = iter(range(10_000))


@settings(max_examples=25)
@given(st.data())
def test_any_nesting_comes_back_equal(shared_lake: Lake, data: st.DataObject) -> None:
    """Types are made up, nulls at each level."""
    kinds = data.draw(st.lists(KINDS, min_size=1, max_size=4))
    contract = columns(*kinds)
    values = [data.draw(st.lists(values_of(k), min_size=3, max_size=3)) for k in kinds]
    arrays = [pa.array(v, k) for v, k in zip(values, kinds, strict=True)]
    rows = of_rows(contract, arrays)
    made = computed(shared_lake, f"made_{next(NUMBERS)}", rows, contract)
    engine, files = read_back(shared_lake, made)
    assert engine == files == plain(rows.to_pylist())
