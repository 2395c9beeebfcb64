"""Dropped JSON lines reach the lake alike, whether they were read typed or as text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from watermain.declare import Column, Contract, Files, raw
from watermain.engine.capture.ingest import capture, intake
from watermain.engine.publish.publication import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.files.files import FileSource
from watermain.source.protocol import Batch, Limit, Shape

WORD = Files(connection="drop", pattern="*.jsonl", format="json", settle_for=timedelta(0))
orders = raw(
    "shop.raw.orders",
    source=WORD,
    contract=Contract(
        grain="one row per order",
        key=("id",),
        columns=(
            Column("id", pa.uint64(), "the order"),
            Column("small", pa.int16(), "a count"),
            Column("price", pa.decimal128(5, 2), "what it costs", unit="EUR"),
            Column("share", pa.float64(), "of the whole"),
            Column("paid", pa.bool_(), "whether"),
            Column("made_at", pa.timestamp("us", "UTC"), "when"),
            Column("word", pa.string(), "what"),
        ),
    ),
    owner="team:shop",
)
GOOD = (
    '{"id":18446744073709551615,"small":-5,"price":1.5,"share":0.1,"paid":true,'
    '"made_at":"2013-01-01T00:00:00Z","word":"é"}\n{"id":2}\n'
)
ODD = '{"id":"3","small":4,"price":"7.25","share":1e3}\n'  # numbers that are written as text


def source(folder: Path) -> FileSource:
    """The source of a folder."""
    return FileSource(WORD, Shape.of(orders), folder=lambda: str(folder), scratch=folder / "s")


def read(folder: Path) -> list[Batch]:
    """The batches of a folder."""
    return list(source(folder).batches(after={}, limit=Limit()))


def captured(lake: Lake, folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds after the folder was captured."""
    job = Job(lake=lake, find={orders.name: orders}.__getitem__)
    capture(orders, job, source=source(folder))
    with lake.get_connection() as connection:
        return connection.execute(query).fetchall()


def test_typed_rows_are_those_of_text(lake: Lake, tmp_path: Path) -> None:
    """A file with one odd line is read as text as a whole; the lake holds equal rows."""
    for name, text in (("plain", GOOD), ("odd", GOOD + ODD)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text(text)
    (typed,), (told,) = read(tmp_path / "plain"), read(tmp_path / "odd")
    assert [f.type for f in typed.reader().schema][:6] == [
        pa.uint64(), pa.int64(), pa.decimal128(38, 2), pa.float64(), pa.bool_(),
        pa.timestamp("us", "UTC"),
    ]  # fmt: skip
    assert {f.type for f in told.reader().schema}.isdisjoint([pa.uint64(), pa.float64()])
    columns = "select id, small, price::varchar, share, paid, made_at::varchar, word"
    query = f"{columns} from {table(orders.name)} where id <> 3 order by id"
    plain = captured(lake, tmp_path / "plain", query)
    assert [row[:5] for row in plain] == [
        (2, None, None, None, None), (18446744073709551615, -5, "1.50", 0.1, True),
    ]  # fmt: skip
    both = captured(lake, tmp_path / "odd", query)
    assert sorted(both, key=repr) == sorted(plain * 2, key=repr)
    with lake.get_connection() as connection:
        odd = f"select small, price::varchar, share from {table(orders.name)} where id = 3"
        assert connection.execute(odd).fetchall() == [(4, "7.25", 1000.0)]


def test_captured_rows_are_packed_whatever_their_order(lake: Lake, tmp_path: Path) -> None:
    """The file has the encodings of Parquet 2; the session keeps orders again afterwards."""
    (tmp_path / "a.jsonl").write_text("".join(f'{{"id":{n}}}\n' for n in range(3000)))
    job = Job(lake=lake, find={orders.name: orders}.__getitem__)
    with intake(orders, job, source(tmp_path)) as held:
        assert [row.rows for row in held.take(Limit())] == [3000]
        kept = "select current_setting('preserve_insertion_order')"
        assert held.landing.connection.execute(kept).fetchone() == (True,)
    (path,) = (Path(lake.folder) / orders.name.schema).rglob("*.parquet")
    with lake.get_connection() as connection:
        asked = "select encodings from parquet_metadata(?) where path_in_schema = '_row'"
        assert set(connection.execute(asked, [str(path)]).fetchall()) == {("DELTA_BINARY_PACKED",)}
        rows = connection.execute(f"select id::int, _row from {table(orders.name)}").fetchall()
    assert sorted(rows) == [(n, n + 1) for n in range(3000)]


def test_numbers_stay_typed_where_instants_cannot(lake: Lake, tmp_path: Path) -> None:
    """One form that the engines read otherwise leaves the instants of its file to be read alone."""
    line = '{"id":%d,"made_at":"%s"}\n'
    told = ["2013-01-01T00:00:00Z", "2013-01-01T10:05+05:30", "2013-02-30", "2013-01-01 00:00:07"]
    (tmp_path / "a.jsonl").write_text("".join(line % each for each in enumerate(told)))
    (batch,) = read(tmp_path)
    schema = batch.reader().schema
    assert (schema.field("id").type, schema.field("made_at").type) == (pa.uint64(), pa.string())
    rows = captured(lake, tmp_path, f"select id, made_at::varchar from {table(orders.name)}")
    with lake.get_connection() as connection:
        asked = f"select payload->>'id', payload->>'made_at', reason from {ledger.QUARANTINE}"
        aside = connection.execute(asked).fetchall()
    assert sorted(rows) == [(0, "2013-01-01 00:00:00+00"), (3, "2013-01-01 00:00:07+00")]
    assert sorted(aside) == [
        (f"{n}", told[n], "`made_at` is not timestamp[us, tz=UTC]") for n in (1, 2)
    ]


def test_typed_value_beyond_its_column_is_put_aside_as_it_came(lake: Lake, tmp_path: Path) -> None:
    """Nothing is rounded or wrapped to fit; the payload holds the text of each value."""
    (tmp_path / "a.jsonl").write_text(
        '{"id":1,"small":32768,"paid":false}\n{"id":2,"price":1000.25}\n{"small":3,"share":0.5}\n'
        '{"id":4,"small":32767,"price":999.99}\n'
    )
    (batch,) = read(tmp_path)
    assert batch.reader().schema.field("small").type == pa.int64()
    aside = captured(
        lake,
        tmp_path,
        "select reason, payload->>'id', payload->>'small', payload->>'price', payload->>'share',"
        f" payload->>'paid', json_type(payload->'small') from {ledger.QUARANTINE} order by reason",
    )
    assert aside == [
        ("`id` is null", None, "3", None, "0.5", None, "VARCHAR"),
        ("`price` is not decimal128(5, 2)", "2", None, "1000.25", None, None, "NULL"),
        ("`small` is not int16", "1", "32768", None, None, "false", "VARCHAR"),
    ]
    with lake.get_connection() as connection:
        kept = f"select id, small, price::varchar from {table(orders.name)}"
        assert connection.execute(kept).fetchall() == [(4, 32767, "999.99")]
