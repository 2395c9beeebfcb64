"""The decoder of `pgoutput`, against a plain one that reads a message at a time."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermain.declare.errors import SourceError
from watermain.source.postgres import changes as changes_module
from watermain.source.postgres.changes import EPOCH_US, Changes, change_schema
from watermain.source.postgres.publication import SourceTable
from watermain.source.protocol import Shape
from watermain.source.spill import Spill

OID = 77
NAMES = ("skipped", "id", "day", "big")
COLUMNS = ("big", "id", "day")
UNCHANGED = object()

Value = str | None
Row = tuple[Value, ...]


def cstring(text: str) -> bytes:
    return text.encode() + b"\0"


def relation(names: tuple[str, ...] = NAMES, oid: int = OID, table: str = "things") -> bytes:
    columns = b"".join(b"\1" + cstring(name) + struct.pack(">Ii", 25, -1) for name in names)
    head = b"R" + struct.pack(">I", oid) + cstring("public") + cstring(table) + b"f"
    return head + struct.pack(">H", len(names)) + columns


def tuple_of(row: tuple[object, ...]) -> bytes:
    parts = [struct.pack(">H", len(row))]
    for value in row:
        if value is None:
            parts.append(b"n")
        elif value is UNCHANGED:
            parts.append(b"u")
        else:
            data = str(value).encode()
            parts.append(b"t" + struct.pack(">I", len(data)) + data)
    return b"".join(parts)


def insert(row: Row, oid: int = OID) -> bytes:
    return b"I" + struct.pack(">I", oid) + b"N" + tuple_of(row)


def delete(row: Row, oid: int = OID) -> bytes:
    return b"D" + struct.pack(">I", oid) + b"O" + tuple_of(row)


def update(old: Row, new: Row, *, hide: bool = False, oid: int = OID) -> bytes:
    sent = [UNCHANGED if hide and a == b and b else b for a, b in zip(old, new, strict=True)]
    head = b"U" + struct.pack(">I", oid)
    return head + b"O" + tuple_of(old) + b"N" + tuple_of(tuple(sent))


def truncate(*oids: int) -> bytes:
    return b"T" + struct.pack(f">IB{len(oids)}I", len(oids), 0, *oids)


def begin(lsn: int, at: int, xid: int) -> bytes:
    return b"B" + struct.pack(">QqI", lsn, at, xid)


def commit(end: int) -> bytes:
    return b"C" + struct.pack(">BQQq", 0, 0, end, 0)


@dataclass(frozen=True)
class Change:
    """One change as the source made it."""

    kind: str
    old: Row
    new: Row
    hide: bool = False

    def message(self) -> bytes:
        return {
            "i": lambda: insert(self.new),
            "d": lambda: delete(self.old),
            "u": lambda: update(self.old, self.new, hide=self.hide),
            "t": lambda: truncate(5, OID),
            "other": lambda: insert(("x",), oid=OID + 1),
        }[self.kind]()

    def rows(self) -> list[tuple[str, Row]]:
        """What must come of it: the operation with the declared columns."""
        old, new = (tuple(r[NAMES.index(n)] for n in COLUMNS) for r in (self.old, self.new))
        if self.kind == "i":
            return [("i", new)]
        if self.kind == "d":
            return [("d", old)]
        if self.kind == "t":
            return [("t", (None, None, None))]
        if self.kind == "other":
            return []
        return [("d", old), ("i", new)] if old[1:] != new[1:] else [("u", new)]


VALUE = st.none() | st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(["", "1"])
ROW = st.tuples(VALUE, VALUE, VALUE, VALUE)
CHANGE = st.builds(
    Change, st.sampled_from(["i", "u", "u", "d", "t", "other"]), ROW, ROW, st.booleans()
)


def gather(folder: Path) -> Changes:
    shape = Shape(dataset="a.raw.b", columns=COLUMNS, key=("id",), partition_by="day")
    table = SourceTable("public.things", OID, NAMES)
    return Changes(table, "slot", shape, Spill(folder, change_schema(COLUMNS)))


def feed(changes: Changes, *messages: bytes) -> None:
    for message in messages:
        changes.feed(memoryview(message))


def rows(changes: Changes) -> list[dict]:
    taken = changes.taken()
    assert isinstance(taken, pa.Table)
    taken.validate(full=True)
    return taken.to_pylist()


@settings(deadline=None)
@given(st.lists(st.lists(CHANGE, max_size=6), max_size=6), st.sampled_from([0, 60, 10**6]))
def test_every_change_is_decoded_whatever_the_chunk(
    tmp_path_factory: pytest.TempPathFactory, transactions: list[list[Change]], chunk: int
) -> None:
    changes = gather(Path("unused"))
    expected: list[tuple] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes_module, "_CHUNK_BYTES", chunk)
        feed(changes, relation(), relation(("x",), OID + 1, "others"))
        for number, each in enumerate(transactions, 1):
            feed(changes, begin(number * 100, number, number + 7))
            assert changes.inside
            feed(changes, *(change.message() for change in each), commit(number * 100 + 50))
            assert (changes.inside, changes.position) == (False, number * 100 + 50)
            made = [row for change in each for row in change.rows()]
            expected += [
                (op, *values, number * 100, number + EPOCH_US, number + 7, seq)
                for seq, (op, values) in enumerate(made, 1)
            ]
        names = ("_op", *COLUMNS, "_lsn", "_commit_at", "_xid", "_seq")
        found = [
            tuple(
                int(row[n].timestamp() * 1_000_000 + 0.5) if n == "_commit_at" else row[n]
                for n in names
            )
            for row in rows(changes)
        ]
    assert found == expected


def test_batches_follow_each_other_without_carrying_over() -> None:
    changes = gather(Path("unused"))
    one = ("s", "1", "d", "b")
    feed(changes, relation(), begin(1, 1, 1), insert(one), insert(one), commit(2))
    assert changes.count == 2
    assert [row["_seq"] for row in rows(changes)] == [1, 2]
    assert (changes.count, changes.bytes) == (0, 0)
    feed(changes, begin(3, 1, 2), insert(one), commit(4))
    assert [(row["_lsn"], row["_seq"]) for row in rows(changes)] == [(3, 1)]


def test_transaction_in_progress_can_be_dropped_unless_partly_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = gather(Path("unused"))
    one, two = ("s", "1", "d", "b"), ("s", "2", "d", "b")
    feed(changes, relation(), begin(1, 1, 1), insert(one), commit(2), begin(3, 1, 2), insert(two))
    with pytest.raises(SourceError, match="has no column `big`; it has id, day"):
        feed(changes, relation(("id", "day")))
    assert changes.retract()
    assert (changes.count, changes.position, changes.inside) == (1, 2, False)
    assert [row["id"] for row in rows(changes)] == ["1"]
    monkeypatch.setattr(changes_module, "_CHUNK_BYTES", 0)
    feed(changes, begin(5, 1, 3), insert(one))
    assert not changes.retract()


def test_renamed_table_is_refused() -> None:
    changes = gather(Path("unused"))
    feed(changes, relation())
    with pytest.raises(SourceError, match=r"public\.things was renamed to public\.stuff"):
        feed(changes, relation(table="stuff"))


def test_table_of_another_time_is_refused() -> None:
    changes = gather(Path("unused"))
    with pytest.raises(SourceError, match="was object 5, which is not the table of today"):
        feed(changes, relation(oid=5))


def test_column_that_the_table_gained_later_is_null_before() -> None:
    changes = gather(Path("unused"))
    feed(changes, relation(NAMES[:3]), begin(1, 1, 1), insert(("s", "1", "d")))
    feed(changes, update(("s", "1", "d"), ("s", "2", "d")), commit(2))
    feed(changes, begin(3, 1, 2), relation(), insert(("s", "3", "d", "b")), commit(4))
    found = [(row["_op"], row["id"], row["big"]) for row in rows(changes)]
    assert found == [("i", "1", None), ("d", "1", None), ("i", "2", None), ("i", "3", "b")]


def test_column_renamed_away_is_not_one_that_came_later() -> None:
    changes = gather(Path("unused"))
    with pytest.raises(SourceError, match="has no column `big`; it has skipped, id, day, large"):
        feed(changes, relation((*NAMES[:3], "large")))


@pytest.mark.parametrize(
    "message",
    [
        b"U" + struct.pack(">I", OID) + b"N" + tuple_of(("s", "1", "d", "b")),
        b"U" + struct.pack(">I", OID) + b"K" + tuple_of(("s", "1", "d", "b")) * 2,
        b"D" + struct.pack(">I", OID) + b"K" + tuple_of((None, "1", None, None)),
        b"I" + struct.pack(">I", OID) + b"N" + tuple_of(("s", "1", "d")),
        b"I" + struct.pack(">I", OID) + b"N" + tuple_of(("s", "1", "d", UNCHANGED)),
    ],
)
def test_half_a_row_is_refused(message: bytes) -> None:
    changes = gather(Path("unused"))
    feed(changes, relation(), begin(1, 1, 1), message, commit(2))
    with pytest.raises(SourceError, match="without the whole old row") as error:
        changes.taken()
    assert error.value.next.startswith("alter table public.things replica identity full; ")
