"""What files of each format may show beside their contract, as a table, with what comes of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

FORMATS = ("csv", "json", "parquet", "avro")
WHOLE = {1: (10, "a"), 2: (20, "b"), 3: (30, "c")}
BARE = {number: (amount, None) for number, (amount, _) in WHOLE.items()}
FIELDS = ("id", "amount", "note")
ROWS: tuple[tuple[Any, ...], ...] = ((1, 10, "a"), (2, 20, "b"), (3, 30, "c"))
Values = Mapping[str, Mapping[int, str]]
AVRO_TYPES = {int: "long", str: "string", float: "double", bytes: "bytes", bool: "boolean"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file: its fields, its rows, the formats that can say it; what must come of it.

    `published` are amount and note by id; `unknown` the texts of unknown columns by id; `aside`
    those without a place of their own under `evolve`; `reasons` of what goes to quarantine;
    `missing` the declared columns that a schema shows to be gone.
    """

    what: str
    formats: tuple[str, ...] = FORMATS
    fields: tuple[str, ...] = FIELDS
    rows: tuple[tuple[Any, ...], ...] = ROWS
    published: Mapping[int, tuple[int | None, str | None]] = field(default_factory=lambda: WHOLE)
    unknown: Values = field(default_factory=dict)
    aside: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    data: bytes = b""

    @property
    def drifts(self) -> bool:
        """Whether it shows other columns; where it does not, each policy gives the same."""
        return bool(self.unknown or self.missing)

    def written(self, format: str) -> bytes:
        """The file."""
        return self.data or WRITERS[format](self.fields, self.rows)


def more(name: str, *values: Any) -> dict[str, Any]:
    """One field more, with a value for each row."""
    rows = tuple((*row, value) for row, value in zip(ROWS, values, strict=True))
    return {"fields": (*FIELDS, name), "rows": rows}


def lacking(format: str, *names: str) -> str:
    """The reason for which a whole file goes to quarantine."""
    listed = ", ".join(f"`{n}`" for n in names)
    return f"its header lacks {listed}" if format == "csv" else f"it lacks {listed}"


def _told(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _csv(fields: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> bytes:
    sink = io.StringIO(newline="")
    told = [[_told(v) for v in row] for row in rows]
    csv.writer(sink, lineterminator="\n").writerows([fields, *told])
    return sink.getvalue().encode()


def _json(fields: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> bytes:
    lines = [json.dumps(dict(zip(fields, row, strict=True)), ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def _parquet(fields: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> bytes:
    arrays = [pa.array(list(column)) for column in zip(*rows, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=list(fields)), sink)
    return sink.getvalue()


def _avro(fields: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> bytes:
    columns = dict(zip(fields, zip(*rows, strict=True), strict=True))
    schema = {
        "type": "record",
        "name": "row",
        "fields": [{"name": n, "type": _avro_type(n, values)} for n, values in columns.items()],
    }
    sink = io.BytesIO()
    fastavro.writer(sink, schema, [dict(zip(fields, row, strict=True)) for row in rows])
    return sink.getvalue()


def _avro_type(name: str, values: tuple[Any, ...]) -> Any:
    one = next((v for v in values if v is not None), "")
    if isinstance(one, dict):
        inner = [{"name": n, "type": _avro_type(n, (v,))} for n, v in one.items()]
        return {"type": "record", "name": f"in_{name}", "fields": inner}
    return ["null", AVRO_TYPES[type(one)]]


WRITERS = {"csv": _csv, "json": _json, "parquet": _parquet, "avro": _avro}
GATES = {"gate": {1: "A1", 3: "B 3"}}
BIG = 2**40
CASES = (
    Case(what="as the contract says"),
    Case(what="add", **more("gate", "A1", None, "B 3"), unknown=GATES),
    Case(what="add number", formats=("csv", "json"), **more("n", 1, 2**70, None),
         unknown={"n": {1: "1", 2: str(2**70)}}),
    Case(what="add number", formats=("parquet", "avro"), **more("n", 1, 2**60, None),
         unknown={"n": {1: "1", 2: str(2**60)}}),
    Case(what="add truth", formats=("json", "parquet", "avro"), **more("open", True, False, None),
         unknown={"open": {1: "true", 2: "false"}}),
    Case(what="add bytes", formats=("parquet", "avro"), **more("raw", b"\xff\x00", None, b"\xfe"),
         unknown={"raw": {1: "\\xff00", 3: "\\xfe"}}),
    Case(what="add two", formats=("csv", "avro"), fields=(*FIELDS, "gate", "hall"),
         rows=((1, 10, "a", "A1", "x"), (2, 20, "b", None, "y"), (3, 30, "c", "B 3", "z")),
         unknown={**GATES, "hall": {1: "x", 2: "y", 3: "z"}}),
    Case(what="drop", formats=("csv", "parquet", "avro"), fields=("id", "amount"),
         rows=((1, 10), (2, 20)), published={}, reasons=("lacks note",), missing=("note",)),
    Case(what="drop", formats=("json",), fields=("id", "amount"),
         rows=((1, 10), (2, 20), (3, 30)), published=BARE),
    Case(what="drop key", formats=("csv", "parquet", "avro"), fields=("amount", "note"),
         rows=((10, "a"), (20, "b")), published={}, reasons=("lacks id",), missing=("id",)),
    Case(what="drop key", formats=("json",), fields=("amount", "note"),
         rows=((10, "a"), (20, "b")), published={}, reasons=("`id` is null",) * 2),
    Case(what="rename", formats=("csv", "parquet", "avro"), fields=("id", "amount", "remark"),
         published={}, reasons=("lacks note",), missing=("note",)),
    Case(what="rename", formats=("json",), fields=("id", "amount", "remark"), published=BARE,
         unknown={"remark": {1: "a", 2: "b", 3: "c"}}),
    Case(what="retype", rows=((1, "ten", "a"), (2, "20", "b"), (3, "x", "c")),
         published={2: (20, "b")}, reasons=("`amount` is not int32",) * 2),
    Case(what="retype to fraction", formats=("csv", "parquet"),
         rows=((1, 10.5, "a"), (2, 2.25, "b")), published={},
         reasons=("`amount` is not int32",) * 2),
    Case(what="widen", rows=((1, BIG, "a"), (2, 20, "b"), (3, 2**31, "c")),
         published={2: (20, "b")}, reasons=("`amount` is not int32",) * 2),
    Case(what="narrow", rows=((1, True, "a"), (2, False, "b")), formats=("parquet", "avro"),
         published={}, reasons=("`amount` is not int32",) * 2),
    Case(what="retype text to number", formats=("json", "avro"),
         rows=((1, 10, 7), (2, 20, 8), (3, 30, None)),
         published={1: (10, "7"), 2: (20, "8"), 3: (30, None)}),
    Case(what="null", rows=((1, None, "a"), (2, 20, None)),
         published={1: (None, "a"), 2: (20, None)}),
    Case(what="null key", rows=((1, 10, "a"), (None, 20, "b")), published={1: (10, "a")},
         reasons=("`id` is null",)),
    Case(what="add nulls", formats=("csv", "json"), **more("gate", None, None, None),
         unknown={"gate": {}}),
    Case(what="reorder", fields=("note", "id", "amount"),
         rows=(("a", 1, 10), ("b", 2, 20), ("c", 3, 30))),
    Case(what="reorder with more in front", formats=("csv", "avro"),
         fields=("gate", "note", "amount", "id"),
         rows=(("A1", "a", 10, 1), (None, "b", 20, 2), ("B 3", "c", 30, 3)), unknown=GATES),
    Case(what="nest", formats=("csv", "json"),
         rows=((1, 10, {"x": "a"}), (2, 20, {"x": "b"})),
         published={1: (10, "nested a"), 2: (20, "nested b")}),
    Case(what="nest", formats=("parquet", "avro"),
         rows=((1, 10, {"x": "a"}), (2, 20, {"x": "b"})), published={}, reasons=("no text",)),
    Case(what="add nested", **more("at", {"x": "a"}, {"x": "ü"}, {"x": '"'}),
         unknown={"at": {1: '{"x": "a"}', 2: '{"x": "ü"}', 3: '{"x": "\\""}'}}),
    Case(what="encoding", formats=("csv",), data=b"id,amount,note\n1,10,\xe4\n2,20,b\n",
         published={2: (20, "b")}, reasons=("is not UTF-8",)),
    Case(what="encoding", formats=("json",),
         data=b'{"id":1,"amount":10,"note":"\xe4"}\n{"id":2,"amount":20,"note":"b"}\n',
         published={2: (20, "b")}, reasons=("is not UTF-8",)),
    Case(what="encoding of new", formats=("csv",),
         data=b"id,amount,note,gate\n1,10,a,\xe4\n2,20,b,G\n",
         published={2: (20, "b")}, unknown={"gate": {2: "G"}}, reasons=("is not UTF-8",)),
    Case(what="half a character in new", formats=("json",),
         data=b'{"id":1,"amount":10,"note":"a","gate":"\\ud83d"}\n',
         published={1: (10, "a")}, unknown={"gate": {1: "\\ud83d"}}),
    Case(what="mark in front", formats=("csv",), data=b"\xef\xbb\xbfid,amount,note\n1,10,a\n",
         published={1: (10, "a")}),
    Case(what="bytes for text", formats=("parquet", "avro"),
         rows=((1, 10, b"\xff"), (2, 20, b"b")), published={2: (20, "b")},
         reasons=("has bytes in `note` that are no UTF-8",)),
    Case(what="case", formats=("csv", "parquet", "avro"), fields=("id", "amount", "NOTE"),
         published={}, reasons=("lacks note",), missing=("note",)),
    Case(what="case", formats=("json",), fields=("id", "amount", "NOTE"), published=BARE,
         unknown={"NOTE": {1: "a", 2: "b", 3: "c"}}, aside=("NOTE",)),
    Case(what="add in another case", formats=("csv", "parquet"), **more("Note", "A", None, "C"),
         unknown={"Note": {1: "A", 3: "C"}}, aside=("Note",)),
    Case(what="add two that differ by case", formats=("csv", "json"),
         fields=(*FIELDS, "Gate", "gate"),
         rows=((1, 10, "a", "A", "z"), (2, 20, "b", None, "y"), (3, 30, "c", "C", None)),
         unknown={"Gate": {1: "A", 3: "C"}, "gate": {1: "z", 2: "y"}}, aside=("gate",)),
    Case(what="add a name of the platform", formats=("json", "parquet"),
         **more("_batch_id", "A", None, "C"),
         unknown={"_batch_id": {1: "A", 3: "C"}}, aside=("_batch_id",)),
    Case(what="add `_extra`", formats=("csv", "avro"), **more("_extra", "A", None, "C"),
         unknown={"_extra": {1: "A", 3: "C"}}, aside=("_extra",)),
    Case(what="add an odd name", formats=("csv", "json"),
         **more("grö'ße \"x\".y", "A", None, "C"), unknown={"grö'ße \"x\".y": {1: "A", 3: "C"}}),
    Case(what="add a name that is none", formats=("csv", "parquet"),
         **more("", "A", None, "C"), unknown={"": {1: "A", 3: "C"}}, aside=("",)),
    Case(what="add one name twice", formats=("csv", "parquet"), fields=(*FIELDS, "gate", "gate"),
         rows=((1, 10, "a", "A", "z"), (2, 20, "b", None, "y"), (3, 30, "c", "C", None)),
         unknown={"gate": {1: "A", 3: "C"}, "gate 2": {1: "z", 2: "y"}}),
    Case(what="add beside what does not fit", formats=("csv", "json"), fields=(*FIELDS, "gate"),
         rows=((1, "ten", "a", "A"), (2, "20", "b", "B"), (3, "30", "c", None)),
         published={2: (20, "b"), 3: (30, "c")}, unknown={"gate": {2: "B"}},
         reasons=("`amount` is not int32",)),
)  # fmt: skip
