"""The grammar of poison records, each as the kind it is given to tells it."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from tests.watermain.source.drop.test_avro_rows import container, varint

GOOD_AT = "2024-05-01 10:00:00+00:00"
NAME = re.compile(r"(?:poison|good)\d{5}x")
CLOCK = 1_714_557_600_000
TIMES = (
    "infinity", "-infinity", "0044-03-15 (BC)", "20240-05-01 10:00:00Z", "9999-12-31 23:59:59Z",
    "290000-01-01", "2100-05-01 10:00:00Z", "9998-12-31 23:00:00Z", "1000-01-01", "0001-01-01",
    "2012-12-31 23:59:59Z", "2013-02-30", "24:00", "now", "", " ", "epoch", "1e400", "NaN",
    "2024-05-01T10:00:00.123456789Z", "2024-05-01 10:00:00+25:00", "9" * 400, "12:00\0", "\u0661",
)  # fmt: skip
AMOUNTS = (
    "1e400", "-1e400", "9" * 5000, "1.5", "NaN", "Infinity", "0x10", "1_0", "--1", "", "9" * 39,
    "\u0661\u0662", "1\0", "true", "null", str(2**63), str(-(2**63) - 1),
)  # fmt: skip
TEXTS = (
    "", "'", '"', "\\", "\\\\'\"", "it's; drop table x; --", "\0", "a\0b", "\u202e", "\ufeff",
    "\U0010ffff", "e\u0301", "x" * 70_000, "\r\n", "\u2028", "{}", "[[[", "%s$1{0}", "\x7f\x1b[31m",
)  # fmt: skip
NAMES = (
    "\0", "a\0b", "", " ", "'", '"', '"; drop table x; --', "a.b", "at.x", "_extra", "_row", "_op",
    "rowid", "ID", "x" * 5000, "\ufeffid", "\u202ex", "\n", "\\", "a\u0300", "select", "$1", "?",
)  # fmt: skip
NUMBERS = ("1e400", "-0", "9" * 5000, "1E+999999999", "1.0E-400")
DEPTHS = (100, 127, 128, 129, 330, 990, 5000, 100_000)
BYTES = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x00\xff", b"\xc0\x80")
CLOCKS = (10**12, 10**15, 10**18, 2**63 - 1, 0, 253_402_300_800_000)


@dataclass(frozen=True)
class Record:
    """One record: its name, its bytes at the source, the note that a row must hold.

    `mark` is what its payload shows wherever it lies aside; `note` is None where no row need be
    equal.
    """

    name: str
    told: bytes
    note: str | None = None
    is_good: bool = False
    clock: int = CLOCK
    fields: tuple[Any, ...] = ()

    @property
    def mark(self) -> str:
        """A text that no other record has."""
        return self.name

    @property
    def hex(self) -> str:
        """The same where a payload shows bytes."""
        return self.name.encode().hex()

    def __str__(self) -> str:
        return f"{self.name} {self.told[:90]!r}"


def records(kind: str, number: int, good_share: int, chance: random.Random) -> list[Record]:
    """So many poison records with good ones between them, in an order of their own."""
    makes = {"csv": _line, "parquet": _cells, "avro": _cells, "postgres": _cells}
    make = makes.get(kind, _message)
    found = [make(kind, f"poison{n:05}x", chance) for n in range(number)]
    found += [_good(kind, f"good{n:05}x", chance) for n in range(max(2, number // good_share))]
    chance.shuffle(found)
    if kind == "mqtt":
        found = [_numbered(record, n) for n, record in enumerate(found, 1)]
    return found


def _good(kind: str, name: str, chance: random.Random) -> Record:
    note = chance.choice(("n", "note of it", "\u00e9"))
    cells = (name, GOOD_AT, "7", note, None)
    if kind == "csv":
        return Record(name, f"{name},{GOOD_AT},7,{note},\n".encode(), note, True)
    told = json.dumps({"id": name, "at": GOOD_AT, "amount": 7, "note": note}).encode()
    return Record(name, told, note, True, fields=cells)


def _message(kind: str, name: str, chance: random.Random) -> Record:
    """A JSON message; where the kind lets no broken JSON pass, it is whole."""
    whole = kind == "rest"
    note = chance.choice(TEXTS)
    base = {"id": name, "at": GOOD_AT, "amount": 7, "note": note}
    head = json.dumps(base)[:-1]
    depth = chance.choice(DEPTHS)
    ways: list[Callable[[], str]] = [
        lambda: json.dumps({**base, "at": chance.choice(TIMES)}),
        lambda: json.dumps({**base, "at": chance.choice([1, 1.5, True, [], {}, None])}),
        lambda: json.dumps({**base, "amount": chance.choice(AMOUNTS)}),
        lambda: head + ',"more":' + chance.choice(NUMBERS) + "}",
        lambda: head + ',"deep":' + "[" * depth + "]" * depth + "}",
        lambda: head + ',"deep":' + '{"a":' * depth + "1" + "}" * depth + "}",
        lambda: json.dumps({**base, "at": None})[:-1] + ',"at":' + "[" * depth + "]" * depth + "}",
        lambda: json.dumps({**base, chance.choice(NAMES): "odd"}),
        lambda: json.dumps({**base, chance.choice(NAMES): {chance.choice(NAMES): [1, None]}}),
        lambda: head + ',"half":"\\ud800"}',
        lambda: head + ',"\\udc00":1}',
        lambda: head + ',"id":"' + name + '"}',
        lambda: json.dumps([base]),
        lambda: json.dumps(name),
        lambda: json.dumps({**base, "id": [name]}),
        lambda: json.dumps({**base, "id": {"x": name}}),
        lambda: json.dumps({**base, "many": list(range(30_000))}),
        lambda: json.dumps({**base, **{f"c{n}_{name}": n for n in range(300)}}),
    ]
    if not whole:
        ways += [
            lambda: head, lambda: head + ',"x":NaN}', lambda: head + "}}", lambda: head + "} x",
            lambda: head + ',"x":' + "[" * depth, lambda: head + ',"x":-Infinity}',
            lambda: head + ',"x":"\x01"}', lambda: "\ufeff\ufeff" + head + "}",
        ]  # fmt: skip
    told = chance.choice(ways)().encode("utf-8", "surrogatepass")
    if not whole and chance.random() < 0.1:
        told = head.encode() + b',"raw":"' + chance.choice(BYTES) + b'"}'
    told = told.replace(b"\n", b" ")
    clock = chance.choice(CLOCKS) if chance.random() < 0.2 else CLOCK
    return Record(name, told, None if name.encode() not in told[:40] else note, clock=clock)


def _numbered(record: Record, number: int) -> Record:
    """The message of a device: its number is put where the message begins as an object."""
    odd = number % 11 == 0 and not record.is_good
    told = b'{"by":{"station":"s"},"n":%b,' % (b"9" * 5000 if odd else b"%d" % number)
    found = told + record.told[1:] if record.told.startswith(b"{") else record.told
    return Record(record.name, found, record.note, record.is_good, record.clock)


def _line(kind: str, name: str, chance: random.Random) -> Record:
    """A line of CSV."""
    note = chance.choice(TEXTS).replace("\r", "").replace("\0", "")
    quoted = '"' + note.replace('"', '""') + '"'
    head = f"{name},{GOOD_AT},7,"
    ways = [
        f'{name},"{chance.choice(TIMES)}",7,{quoted},e'.encode(),
        f'{name},{GOOD_AT},"{chance.choice(AMOUNTS)}",{quoted},e'.encode(),
        (head + quoted).encode(),
        (head + quoted + ",e,f,g").encode(),
        (head + '"a"b",e').encode(),
        (head + "a\rb,e").encode(),
        head.encode() + chance.choice(BYTES) + b",e",
        (head + quoted + "," + "[" * chance.choice(DEPTHS)).encode(),
        (head + quoted + ",a\0b").encode(),
        name.encode() + b"," * 3000,
    ]
    return Record(name, chance.choice(ways) + b"\n", None)


def _cells(kind: str, name: str, chance: random.Random) -> Record:
    """A row of cells: texts, or bytes where the kind stores some that are no text."""
    at, amount, note, extra = GOOD_AT, "7", chance.choice(TEXTS), chance.choice([None, *TEXTS])
    match chance.randrange(4):
        case 0:
            at = chance.choice(TIMES)
        case 1:
            amount = chance.choice(AMOUNTS)
        case 2:
            extra = "[" * chance.choice(DEPTHS)
    cells: list[Any] = [name, at, amount, note, extra]
    if kind == "postgres":
        cells = [each.replace("\0", "") if each else each for each in cells]
    kept = cells[3]
    if kind != "postgres" and chance.random() < 0.25:
        cells[chance.choice((1, 2, 3, 4))], kept = chance.choice(BYTES), None
    told = repr(cells).encode("utf-8", "backslashreplace")
    return Record(name, told, kept, fields=tuple(cells))


def _bytes(cell: Any) -> bytes | None:
    return cell.encode() if isinstance(cell, str) else cell


def _csv(given: Sequence[Record]) -> bytes:
    return b"id,at,amount,note,extra\n" + b"".join(record.told for record in given)


def _json(given: Sequence[Record]) -> bytes:
    return b"".join(record.told + b"\n" for record in given)


def _parquet(given: Sequence[Record]) -> bytes:
    names = ("id", "at", "amount", "note", "extra")
    columns = zip(*(map(_bytes, record.fields) for record in given), strict=True)
    sink = io.BytesIO()
    arrays = [pa.array(list(column), pa.binary()) for column in columns]
    pq.write_table(pa.table(dict(zip(names, arrays, strict=True))), sink, row_group_size=97)
    return sink.getvalue()


def _avro(given: Sequence[Record]) -> bytes:
    names = ("id", "at", "amount", "note", "extra")
    fields = [{"name": name, "type": ["null", "string"]} for name in names]
    schema = {"type": "record", "name": "thing", "fields": fields}
    blocks = []
    for begin in range(0, len(given), 60):
        some = given[begin : begin + 60]
        data = b"".join(_stored(_bytes(cell)) for record in some for cell in record.fields)
        blocks.append((len(some), data))
    return container(schema, *blocks)


def _stored(cell: bytes | None) -> bytes:
    return varint(0) if cell is None else varint(1) + varint(len(cell)) + cell


FILES: dict[str, Callable[[Sequence[Record]], bytes]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "avro": _avro,
}


def insert(dsn: str, given: Sequence[Record]) -> None:
    """Insert rows, a few in each transaction."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for begin in range(0, len(given), 7):
            with connection.transaction():
                for record in given[begin : begin + 7]:
                    values = ", ".join(["%s"] * len(record.fields))
                    connection.execute(
                        f"insert into public.poison values ({values})", record.fields
                    )
