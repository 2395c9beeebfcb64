"""What every kind of source promises, as tests over a fixture `kind`.

Import all of it into a test module that has such a fixture: an outside system of the kind, new
for each test. A promise that the kind cannot keep by its nature is deleted there by name, and
the reason stands beside it.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pyarrow as pa
import pytest

from watermain.source.protocol import Limit
from watermain.testing.source_kind import COLUMNS, Kind, Ledger, peek, thing

AWKWARD = [
    thing(1, "plain"),
    thing(2, "a,b;c\td"),
    thing(3, 'she said "no"'),
    thing(4, "two\nlines\r\nand\rmore"),
    thing(5, "ünïcødé 東京 🛬"),
    thing(6, " spaces  around "),
    thing(7, "\\N \\. \\n {1,2}"),
    thing(8, "NULL"),
    thing(9, "'; drop table things --"),
    thing(10, "x" * 300_000),
]


@pytest.fixture
def ledger() -> Ledger:
    """A ledger that has seen nothing."""
    return Ledger()


def test_source_is_verified_when_it_is_set_up_as_declared(kind: Kind) -> None:
    kind.open().verify()


def test_source_gives_every_row_once_in_order(kind: Kind, ledger: Ledger) -> None:
    kind.add([thing(1), thing(2)])
    ledger.capture(kind.open())
    kind.add([thing(3)])
    kind.add([thing(4), thing(5)])
    ledger.capture(kind.open())
    assert [row[0] for row in ledger.rows("id")] == ["1", "2", "3", "4", "5"]


def test_source_gives_no_batch_when_nothing_is_new(kind: Kind, ledger: Ledger) -> None:
    kind.add([thing(1)])
    assert ledger.capture(kind.open())
    assert ledger.capture(kind.open()) == []


def test_source_keeps_every_text_exactly(kind: Kind, ledger: Ledger) -> None:
    ledger.capture(kind.open())
    kind.add(AWKWARD)
    ledger.capture(kind.open())
    assert ledger.rows() == [tuple(row[n] for n in COLUMNS) for row in AWKWARD]


def test_source_gives_declared_columns_as_text_before_its_own(kind: Kind, ledger: Ledger) -> None:
    kind.add([thing(1)])
    (seen,) = ledger.capture(kind.open())
    assert tuple(seen.rows.schema.names[:3]) == COLUMNS
    assert all(seen.rows.schema.field(name).type == pa.string() for name in COLUMNS)
    assert all(name.startswith("_") for name in seen.rows.schema.names[3:])
    assert "extra" not in seen.rows.schema.names


def test_source_names_columns_that_nobody_declared(kind: Kind, ledger: Ledger) -> None:
    ledger.capture(kind.open())
    kind.add([thing(1)])
    (seen,) = ledger.capture(kind.open())
    assert seen.unknown_columns == ("extra",)


def test_source_gives_exactly_the_rest_when_started_from_any_position(
    kind: Kind, ledger: Ledger
) -> None:
    ledger.capture(kind.open())
    for number in range(6):
        kind.add([thing(number * 10), thing(number * 10 + 1)])
    seen = peek(kind.open(), ledger, Limit(rows=1))
    assert len(seen) == (6 if kind.together else 12)
    for cut in range(1, len(seen) + 1):
        positions = ledger.positions | {each.shard: each.end for each in seen[:cut]}
        rest = peek(kind.open(), Ledger(positions), Limit(rows=1))
        assert [each.batch_id for each in rest] == [each.batch_id for each in seen[cut:]]


def test_source_gives_the_same_batches_again_when_nothing_was_committed(
    kind: Kind, ledger: Ledger
) -> None:
    ledger.capture(kind.open())
    for number in range(4):
        kind.add([thing(number), thing(number + 10)])
    first = peek(kind.open(), ledger, Limit(rows=1))
    again = peek(kind.open(), ledger, Limit(rows=1))
    assert len(first) == (4 if kind.together else 8)
    assert [each.batch_id for each in again] == [each.batch_id for each in first]
    assert [each.content_hash for each in again] == [each.content_hash for each in first]
    assert all(a.rows.equals(b.rows) for a, b in zip(first, again, strict=True))


def test_source_gives_other_rows_another_hash(kind: Kind, ledger: Ledger) -> None:
    ledger.capture(kind.open())
    kind.add([thing(1, None)])
    kind.add([thing(2, "y")])
    one, two = ledger.capture(kind.open(), Limit(rows=1))
    assert one.batch_id != two.batch_id
    assert one.content_hash != two.content_hash


def test_source_gives_contiguous_batches(kind: Kind, ledger: Ledger) -> None:
    for number in range(5):
        kind.add([thing(number)])
        ledger.capture(kind.open(), Limit(rows=1))
    ends: dict[str, str] = {}
    for each in ledger.seen:
        assert each.start == ends.get(each.shard, "")
        assert each.end not in ("", each.start)
        ends[each.shard] = each.end


def test_source_doubles_nothing_when_it_was_never_told_of_the_commit(
    kind: Kind, ledger: Ledger
) -> None:
    kind.add([thing(1)])
    ledger.capture(kind.open(), acknowledge=False)
    kind.add([thing(2)])
    ledger.capture(kind.open(), acknowledge=False)
    kind.add([thing(3)])
    ledger.capture(kind.open(), acknowledge=False)
    assert ledger.capture(kind.open(), acknowledge=False) == []
    assert ledger.rows("id") == [("1",), ("2",), ("3",)]


def test_source_reads_on_after_a_batch_was_abandoned(kind: Kind, ledger: Ledger) -> None:
    ledger.capture(kind.open())
    kind.add([thing(1)])
    kind.add([thing(2)])
    source = kind.open()
    for batch in source.batches(after=ledger.positions, limit=Limit(rows=1)):
        assert batch.row_count == 1
        break
    gc.collect()
    ledger.capture(source)
    assert ledger.rows("id") == [("1",), ("2",)]


def test_source_takes_no_offence_at_being_told_twice_or_of_the_past(
    kind: Kind, ledger: Ledger
) -> None:
    kind.add([thing(1)])
    (first,) = ledger.capture(kind.open())
    kind.add([thing(2)])
    ledger.capture(kind.open())
    source = kind.open()
    source.acknowledge(ledger.positions)
    source.acknowledge({first.shard: first.end})
    source.acknowledge({"another/shard": "1"})
    source.acknowledge({})
    assert ledger.capture(kind.open()) == []


def test_backlog_is_empty_only_when_all_is_committed(kind: Kind, ledger: Ledger) -> None:
    kind.add([thing(1)])
    assert not kind.open().backlog().is_empty
    ledger.capture(kind.open())
    assert kind.open().backlog().is_empty
    kind.add([thing(2), thing(3)])
    waiting = kind.open().backlog()
    assert not waiting.is_empty
    ledger.capture(kind.open())
    assert kind.open().backlog().is_empty


@pytest.mark.never("mqtt", reason="a message of MQTT carries no time")
def test_backlog_tells_since_when_something_waits(kind: Kind, ledger: Ledger) -> None:
    ledger.capture(kind.open())
    kind.add([thing(1)])
    assert kind.open().backlog().oldest is not None


def test_backlog_moves_nothing(kind: Kind, ledger: Ledger) -> None:
    ledger.capture(kind.open())
    kind.add([thing(1)])
    for _ in range(3):
        kind.open().backlog()
    ledger.capture(kind.open())
    assert ledger.rows("id") == [("1",)]


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rows outgrow memory at once."""
    monkeypatch.setattr("watermain.source.spill.MEMORY_BYTES", 1000)


@pytest.mark.usefixtures("small_memory")
def test_source_gives_the_same_rows_through_a_file_when_memory_is_short(
    kind: Kind, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.capture(kind.open())
    kind.add([thing(number, "n" * 50) for number in range(200)])
    for batch in kind.open().batches(after=ledger.positions, limit=Limit()):
        assert isinstance(batch.rows, Path)
        assert batch.row_count == 200
        spilled = batch.content_hash
    assert list(tmp_path.rglob("*.spill.parquet")) == []
    monkeypatch.undo()
    (seen,) = ledger.capture(kind.open())
    assert seen.content_hash == spilled
    assert seen.rows.num_rows == 200
