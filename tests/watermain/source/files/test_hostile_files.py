"""Small files that unpack to much: one process reads each within a gigabyte, or puts it aside."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.watermain.source.drop.test_avro_rows import container, of, varint
from tests.watermain.source.dropped import avro
from watermain.source.avro_budget import RecordReading
from watermain.source.delivery import FileRows, Reject, UnreadableFileError
from watermain.source.drop.avro_rows import AvroRows
from watermain.source.drop.csv_rows import CsvRows
from watermain.source.drop.parquet_rows import ParquetRows
from watermain.source.kafka.avro_values import avro_decoder
from watermain.source.kafka.schema_registry import SchemaText, UnreadableMessageError
from watermain.source.poison import UnreadableRecordError
from watermain.source.text.measure import TOO_DEEP, TOO_MANY

ROOT = Path(__file__).resolve().parents[4]
MOST_RESIDENT = 1024  # MiB, of the whole process
READ = """
import json, pathlib, resource, sys
from datetime import timedelta
import pyarrow as pa
from watermain.declare.outside.source import Files
from watermain.source.files.files import FileSource
from watermain.source.protocol import Limit, Shape

folder, pattern, format, compression = sys.argv[1:]
word = Files(connection="d", pattern=pattern, format=format, compression=compression,
             settle_for=timedelta(0))
shape = Shape(dataset="a.raw.b", columns=("x",), types=(pa.string(),), keeps_extra=True)
source = FileSource(word, shape, folder=lambda: folder, scratch=pathlib.Path(folder) / "s")
told = [[b.row_count, b.rejected.num_rows, [r["reason"] for r in b.rejected.to_pylist()[:2]]]
        for b in source.batches(after={}, limit=Limit())]
# Of this process alone: `ru_maxrss` is handed down by the one that started it.
(held,) = [n for n in open("/proc/self/status") if n.startswith("VmHWM")]
peak = int(held.split()[1]) // 1024
print(json.dumps([told, peak, resource.getrusage(resource.RUSAGE_SELF).ru_utime]))
"""


def parquet(column: pa.Array, **words: Any) -> bytes:
    """A Parquet file of one column."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": column}), sink, compression="zstd", **words)
    return sink.getvalue()


def one_long_value() -> bytes:
    """Sixty thousand times one value of thirty kilobytes, by a dictionary."""
    indices = pa.array([0] * 60_000, pa.int32())
    return parquet(pa.DictionaryArray.from_arrays(indices, pa.array(["v" * 30_000])))


def prefixed_values() -> bytes:
    """The same, each by all of the value before."""
    sink = io.BytesIO()
    words: dict[str, Any] = {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}
    with pq.ParquetWriter(
        sink, pa.schema([("x", pa.string())]), compression="zstd", **words
    ) as file:
        file.write_table(pa.table({"x": pa.array(["v" * 30_000] * 20_000)}))
    return sink.getvalue()


def nothing_a_hundred_million_times() -> bytes:
    """Nulls, of which a run takes no bytes."""
    return parquet(pa.nulls(100_000_000, pa.int8()))


def nested_lists() -> bytes:
    """Lists of lists that are empty, one byte each."""
    kind = {"type": "array", "items": {"type": "array", "items": "long"}}
    empty = varint(4_000_000) + b"\0" * 4_000_000 + b"\0"
    schema = {
        **of("string"),
        "fields": [{"name": "x", "type": "string"}, {"name": "l", "type": kind}],
    }

    engine = zlib.compressobj(wbits=-15)
    good = varint(1) + b"a" + b"\0"
    packed = engine.compress(good + varint(1) + b"b" + empty + good) + engine.flush()
    return container(schema, (3, packed), codec=b"deflate")


def short_numbers() -> bytes:
    """A line of sixty megabytes."""
    line = b'{"x":"b","n":[' + b"11," * 20_000_000 + b"1]}\n"
    return gzip.compress(b'{"x":"a"}\n' + line + b'{"x":"c"}\n')


def brackets() -> bytes:
    """A line of as many, nested."""
    return gzip.compress(b'{"x":"a"}\n{"x":' + b"[" * 60_000_000 + b'\n{"x":"c"}\n')


def blank_lines() -> bytes:
    """A hundred million of them."""
    return gzip.compress(b'{"x":"a"}\n' + b"\n" * 100_000_000 + b'{"x":"c"}\n')


def many_names() -> bytes:
    """An object of a hundred thousand fields, each a list."""
    names = ",".join(f'"n{n}":[{n}]' for n in range(60_000))
    return f'{{"x":"a",{names}}}\n'.encode()


def long_field() -> bytes:
    """A quoted value that never ends."""
    return gzip.compress(b'x,y\na,1\n"' + b"q" * 200_000_000)


def many_columns() -> bytes:
    """A header of three hundred thousand names."""
    return b"x" + b",a" * 300_000 + b"\n1\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "name", "rows", "reasons"),
    [
        (one_long_value, "a.parquet", 0, ["it unpacks to more than"]),
        (prefixed_values, "a.parquet", 0, ["it unpacks to more than"]),
        (nothing_a_hundred_million_times, "a.parquet", 0, ["it says that"]),
        (nested_lists, "a.avro", 2, [TOO_MANY]),
        (short_numbers, "a.json.gz", 2, [TOO_MANY]),
        (brackets, "a.json.gz", 2, [TOO_DEEP]),
        (blank_lines, "a.json.gz", 0, ["it unpacks to more than"]),
        (many_names, "a.json", 1, []),
        (long_field, "a.csv.gz", 0, ["it unpacks to more than"]),
        (many_columns, "a.csv", 0, ["its header has 300001 columns, too many"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_hostile_file_stays_within_a_gigabyte(
    tmp_path: Path, made: Callable[[], bytes], name: str, rows: int, reasons: list[str]
) -> None:
    """It ends no process, costs seconds, and its good records are rows."""
    content = made()
    assert len(content) <= 2**20
    (tmp_path / name).write_bytes(content)
    _, format, *packing = name.split(".")
    asked = [str(tmp_path), f"*{name}", format, *(packing or ["none"])]
    ended = subprocess.run(
        [sys.executable, "-c", READ, *asked], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    (told,), peak, seconds = json.loads(ended.stdout)
    assert told[:2] == [rows, len(reasons)]
    assert [why[: len(start)] for why, start in zip(told[2], reasons, strict=True)] == reasons
    assert peak <= MOST_RESIDENT
    assert seconds <= 30  # of CPU, as promised


def texts(rows: Any) -> list[Any]:
    """What a reader gives: texts of the first column, rejects as they are."""
    found: list[Any] = []
    for part in rows:
        found += part.rows.column(0).to_pylist() if isinstance(part, FileRows) else [part]
    return found


def test_parquet_row_without_text_is_aside_with_its_bytes() -> None:
    """Its neighbours are rows, before as well as behind it."""
    column = pa.array([b"a", b"\xff\x01", b"c", None])
    data = parquet(column)
    found = texts(ParquetRows(io.BytesIO(data), ("x",), len(data)))
    assert [found[0], *found[2:]] == ["a", "c", None]
    assert (found[1].line, found[1].payload) == (2, '{"x": "\\\\xff01"}')
    assert found[1].reason == "has bytes in `x` that are no UTF-8"


def test_parquet_value_that_has_no_text_is_told_as_its_number() -> None:
    """A timestamp that no calendar has goes aside alone."""
    column = pa.array([0, 2**62, 1], pa.timestamp("s"))
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": column.cast(pa.int64())}), sink)
    data = sink.getvalue()
    assert texts(ParquetRows(io.BytesIO(data), ("x",), len(data))) == ["0", str(2**62), "1"]
    far = parquet(pa.array([0, 2**62, 1], pa.timestamp("us")))
    found = texts(ParquetRows(io.BytesIO(far), ("x",), len(far)))
    assert found[0] == "1970-01-01 00:00:00.000000"
    odd = [each for each in found if isinstance(each, Reject)]
    assert [(each.line, each.payload) for each in odd] == [(2, f'{{"x": "{2**62}"}}')]


def test_avro_record_that_is_no_text_is_aside_as_its_bytes() -> None:
    """The records around it in the block are rows; a block that is cut costs its file."""
    good = varint(1)
    data = container(of("string"), (3, good + b"a" + varint(2) + b"\xff\xfe" + good + b"c"))
    found = texts(AvroRows(io.BytesIO(data), ("x",), {}))
    assert [found[0], found[2]] == ["a", "c"]
    assert (found[1].line, found[1].payload) == (2, "\\x04fffe")
    assert found[1].reason.startswith("cannot be read: UnicodeDecodeError: 'utf-8' codec")
    cut = container(of("string"), (2, good + b"a" + varint(9) + b"b"))
    with pytest.raises(UnreadableFileError, match="a record cannot be decoded"):
        texts(AvroRows(io.BytesIO(cut), ("x",), {}))


def test_avro_date_that_no_calendar_has_is_aside_alone() -> None:
    """What it holds is told."""
    kind = {"type": "int", "logicalType": "date"}
    bare = avro(of("int"), [{"x": 0}, {"x": 2**31 - 1}, {"x": 1}])
    data = bare.replace(b'"type": "int"', b'"type": {"type": "int", "logicalType": "date"}')
    schema = of(kind)
    blocks = varint(0) + varint(2**31 - 1) + varint(1)
    found = texts(AvroRows(io.BytesIO(container(schema, (3, blocks))), ("x",), {}))
    kept = [each for each in found if isinstance(each, str)]
    assert kept[0] == "1970-01-01"
    assert kept[-1] == "1970-01-02"
    assert len(found) == 3
    assert data != bare or bare


NODE = {
    "type": "record",
    "name": "node",
    "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "node"]}],
}


@pytest.mark.parametrize("depth", [1, 100, 400, 5000, 400_000])
def test_avro_message_within_itself_ends_no_process(depth: int) -> None:
    """The fast reader would have no room on its stack; told as a message that cannot be read."""
    decode = avro_decoder(SchemaText(json.dumps(NODE)))
    message = b"\x02\x02" * depth + b"\x02\x00"
    if depth <= 100:
        assert str(decode(message)).count("'v': '1'") == depth + 1
        return
    with pytest.raises(UnreadableMessageError, match="is no Avro of its schema"):
        decode(message)


def test_avro_message_of_too_many_values_is_refused() -> None:
    """By what its bytes could hold, the values that take none among them."""
    kind = {"type": "array", "items": {"type": "array", "items": "long"}}
    decode = avro_decoder(SchemaText(json.dumps(of(kind))))
    assert decode(varint(2) + b"\0\0" + b"\0") == {"x": [[], []]}
    with pytest.raises(UnreadableMessageError, match=f"^{TOO_MANY}$"):
        decode(varint(2_000_000) + b"\0" * 2_000_000 + b"\0")
    nulls = [{"name": f"n{n}", "type": "null"} for n in range(2000)]
    wide = {"type": "record", "name": "wide", "fields": [*nulls, {"name": "b", "type": "boolean"}]}
    decode = avro_decoder(SchemaText(json.dumps(of({"type": "array", "items": wide}))))
    with pytest.raises(UnreadableMessageError, match=f"^{TOO_MANY}$"):
        decode(varint(100_000) + b"\0" * 100_000 + b"\0")


def test_reading_knows_what_a_schema_can_grow_to() -> None:
    """Only lists, maps and what holds itself need counting."""
    flat = RecordReading(fastavro.parse_schema(of(["null", "string"])))
    assert (flat.grows, flat.weight) == (False, 1)
    lists = RecordReading(fastavro.parse_schema(of({"type": "map", "values": "null"})))
    assert (lists.grows, lists.weight) == (True, 2)
    assert RecordReading(fastavro.parse_schema(NODE)).grows
    stream = lists.opened(b"\0" * 2_000_000)
    for _ in range(500_000):
        stream.read(1)
    with pytest.raises(UnreadableRecordError, match=TOO_MANY):
        stream.read(1)


def test_csv_record_that_the_engine_refuses_is_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is read record by record where it cannot be read at once."""
    whole = CsvRows._table

    def refusing(self: CsvRows, run: bytes, count: int) -> pa.RecordBatch:
        if b"bad" in run:
            raise pa.ArrowInvalid("it got out of step")
        return whole(self, run, count)

    monkeypatch.setattr(CsvRows, "_table", refusing)
    data = b'x\na\nb\n"bad\n1"\nd\n'
    found = texts(CsvRows(io.BytesIO(data), ("x",), ""))
    odd = Reject(4, "cannot be read: ArrowInvalid: it got out of step", '"bad\n1"')
    assert found == ["a", "b", odd, "d"]
