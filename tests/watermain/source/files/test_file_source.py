"""What the capture of dropped files promises beyond what every source does."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.watermain.source.dropped import FilesKind
from tests.watermain.source.kinds import COLUMNS, SHAPE, Ledger, Seen, peek, thing
from watermain.clock import Clock, FixedClock
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.declare.outside.source import Files
from watermain.source.delivery import Caps
from watermain.source.files.files import FileSource

HEADER = "id,day,note\n"


def rejects(seen: Seen) -> list[tuple[str, str, str]]:
    """Each reject as position, reason, payload."""
    return [(r["position"], r["reason"], r["payload"]) for r in seen.rejected]


def parquet_bytes(**columns: pa.Array) -> bytes:
    """A Parquet file with these columns."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def things_parquet(*ids: str) -> bytes:
    """A Parquet file with the declared columns."""
    return parquet_bytes(
        id=pa.array(ids), day=pa.array(["d"] * len(ids)), note=pa.nulls(len(ids), pa.string())
    )


def test_rows_tell_the_file_and_place_they_lay_at(files_kind: FilesKind, ledger: Ledger) -> None:
    path = files_kind.write("things.csv", HEADER + "1,d,a\n\nbad\n2,d,b\n")
    os.utime(path, ns=(0, 1_357_000_000_123_456_000))
    (seen,) = ledger.capture(files_kind.open())
    at = datetime(2013, 1, 1, 0, 26, 40, 123456, tzinfo=UTC)
    digest = seen.end
    assert ledger.rows("id", "_file", "_file_hash", "_row", "_delivered_at") == [
        ("1", "things.csv", digest, 1, at),
        ("2", "things.csv", digest, 3, at),
    ]
    assert seen.shard == f"files/{digest}"
    assert rejects(seen) == [("things.csv:4", "has 1 values, the header 3", "bad")]


def test_file_is_left_alone_until_it_has_settled(files_kind: FilesKind, ledger: Ledger) -> None:
    path = files_kind.write("things.csv", HEADER + "1,d,a\n2,d")
    touched = path.stat().st_mtime
    files_kind.clock = FixedClock(datetime.fromtimestamp(touched + 4.9, UTC))
    assert ledger.capture(files_kind.open()) == []
    assert files_kind.open().backlog().is_empty
    with path.open("a") as file:
        file.write(",b\n")
    os.utime(path, (touched + 4, touched + 4))
    files_kind.clock = FixedClock(datetime.fromtimestamp(touched + 8, UTC))
    assert ledger.capture(files_kind.open()) == []
    files_kind.clock = FixedClock(datetime.fromtimestamp(touched + 9.1, UTC))
    ledger.capture(files_kind.open())
    assert ledger.rows("id", "note") == [("1", "a"), ("2", "b")]
    assert ledger.seen[0].rejected == []


class WritingClock(Clock):
    """Be asked for the time by the reader while a writer goes on writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        with self.path.open("a") as file:
            file.write("9,d,more\n")
        return datetime.now(UTC) + timedelta(hours=1)


def test_file_that_grows_while_it_is_looked_at_is_left_alone(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    path = files_kind.write("things.csv", HEADER + "1,d,a\n")
    quiet, files_kind.clock = files_kind.clock, WritingClock(path)  # type: ignore[assignment]
    assert ledger.capture(files_kind.open()) == []
    files_kind.clock = quiet
    ledger.capture(files_kind.open())
    assert ledger.rows("id") == [("1",), ("9",)]


def test_parquet_without_its_footer_is_left_alone_until_it_is_whole(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    whole = things_parquet("1", "2")
    files_kind.clock = FixedClock(datetime.now(UTC) + timedelta(seconds=60))
    path = files_kind.write("things.parquet", whole[: len(whole) // 2])
    source = files_kind.open(format="parquet")
    assert ledger.capture(source) == []
    assert source.backlog().is_empty
    path.write_bytes(whole)
    ledger.capture(source)
    assert ledger.rows("id") == [("1",), ("2",)]


def test_parquet_that_never_gets_a_footer_is_rejected_in_the_end(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    files_kind.write("things.parquet", things_parquet("1")[:-5])
    (seen,) = ledger.capture(files_kind.open(format="parquet"))
    assert seen.rows.num_rows == 0
    ((position, reason, _),) = rejects(seen)
    assert position == "things.parquet"
    assert reason.startswith("it is no sound Parquet file: ")
    assert ledger.capture(files_kind.open(format="parquet")) == []


def test_unfinished_and_foreign_names_are_not_read(
    files_kind: FilesKind, ledger: Ledger, tmp_path: Path
) -> None:
    for name in (".things.csv", "things.csv.part", "things.csv.tmp", "others.csv"):
        files_kind.write(name, HEADER + "1,d,a\n")
    (files_kind.folder / "things-folder.csv").mkdir()
    outside = tmp_path / "secret.csv"
    outside.write_text(HEADER + "7,d,secret\n")
    (files_kind.folder / "things-link.csv").symlink_to(outside)
    assert ledger.capture(files_kind.open()) == []


def test_content_sent_again_is_ignored_under_any_name(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    path = files_kind.write("things-1.csv", HEADER + "1,d,a\n")
    files_kind.write("things-0.csv", HEADER + "1,d,a\n")
    assert len(ledger.capture(files_kind.open())) == 1
    path.rename(files_kind.folder / "things-2.csv")
    files_kind.write("things-1.csv", HEADER + "1,d,a\n")
    os.utime(files_kind.folder / "things-0.csv", (1, 1))
    assert ledger.capture(files_kind.open()) == []
    assert files_kind.open().backlog().is_empty


def test_changed_content_under_the_same_name_is_a_new_delivery(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    files_kind.write("things.csv", HEADER + "1,d,a\n")
    ledger.capture(files_kind.open())
    files_kind.write("things.csv", HEADER + "1,d,b\n")
    assert not files_kind.open().backlog().is_empty
    ledger.capture(files_kind.open())
    assert ledger.rows("note") == [("a",), ("b",)]


def test_renamed_file_keeps_its_batch_and_hash(files_kind: FilesKind, ledger: Ledger) -> None:
    path = files_kind.write("things-1.csv", HEADER + "1,d,a\n2\n")
    (before,) = peek(files_kind.open(), ledger)
    os.utime(path.rename(files_kind.folder / "things-2.csv"), (5, 5))
    (after,) = peek(files_kind.open(), ledger)
    assert (after.batch_id, after.content_hash) == (before.batch_id, before.content_hash)


def test_files_come_oldest_first(files_kind: FilesKind, ledger: Ledger) -> None:
    for name, at in (("things-b.csv", 100), ("things-a.csv", 300), ("things-c.csv", 200)):
        os.utime(files_kind.write(name, HEADER + f"{name},d,\n"), (at, at))
    ledger.capture(files_kind.open())
    assert ledger.rows("id") == [("things-b.csv",), ("things-c.csv",), ("things-a.csv",)]


def test_memory_of_files_may_be_lost_or_broken(files_kind: FilesKind, ledger: Ledger) -> None:
    files_kind.add([thing(1)])
    ledger.capture(files_kind.open())
    memory = next(files_kind.scratch.rglob("memory.json"))
    for harm in (memory.unlink, lambda: memory.write_text("{half")):
        harm()
        assert not files_kind.open().backlog().is_empty
        assert ledger.capture(files_kind.open()) == []
        assert files_kind.open().backlog().is_empty


def test_memory_forgets_files_that_have_gone(files_kind: FilesKind, ledger: Ledger) -> None:
    paths = [files_kind.write(f"things-{n}.csv", HEADER + f"{n},d,\n") for n in range(20)]
    ledger.capture(files_kind.open())
    memory = next(files_kind.scratch.rglob("memory.json"))
    full = memory.stat().st_size
    for path in paths[1:]:
        path.unlink()
    ledger.capture(files_kind.open())
    assert memory.stat().st_size < full / 10


def test_header_may_change_order_or_grow(files_kind: FilesKind, ledger: Ledger) -> None:
    files_kind.write("things-1.csv", "note,new,id,day\r\na,?,1,d\r\n")
    (seen,) = ledger.capture(files_kind.open())
    assert ledger.rows() == [("1", "d", "a")]
    assert seen.unknown_columns == ("new",)


@pytest.mark.parametrize(
    ("content", "reason", "payload"),
    [
        ("id,day\n1,d\n", "its header lacks `note`", "id,day\n"),
        ("ID,Day,Note\n1,d,a\n", "its header lacks `day`, `id`, `note`", "ID,Day,Note\n"),
        ("id,day,note,id\n1,d,a,2\n", "its header has `id` twice", "id,day,note,id\n"),
        ("", "it has no header", ""),
        ('id,"day,note\n1,d,a\n', "it has no header", 'id,"day,note\n1,d,a\n'),
    ],
)
def test_file_that_breaks_its_header_is_rejected_whole(
    files_kind: FilesKind, ledger: Ledger, content: str, reason: str, payload: str
) -> None:
    files_kind.write("things.csv", content)
    (seen,) = ledger.capture(files_kind.open())
    assert seen.rows.num_rows == 0
    assert rejects(seen) == [("things.csv", reason, payload)]
    assert ledger.capture(files_kind.open()) == []
    files_kind.write("things.csv", HEADER + "1,d,a\n")
    ledger.capture(files_kind.open())
    assert ledger.rows() == [("1", "d", "a")]


def test_file_with_too_many_bad_rows_is_rejected_whole(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    files_kind.write("things.csv", HEADER + "1,d,a\n" + "bad\n" * 6)
    source = files_kind.open()
    source.caps = Caps(rejects=5)
    (seen,) = ledger.capture(source)
    assert seen.rows.num_rows == 0
    reason = "more than 5 rows cannot be read, the first because it has 1 values, the header 3"
    assert rejects(seen) == [("things.csv", reason, "bad")]


def test_file_larger_than_its_cap_is_rejected_whole(files_kind: FilesKind, ledger: Ledger) -> None:
    files_kind.write("things.csv", HEADER + "1,d,a\n")
    source = files_kind.open()
    source.caps = Caps(file_bytes=10)
    (seen,) = ledger.capture(source)
    assert rejects(seen) == [("things.csv", "it is larger than 10 bytes", "")]


def test_null_is_the_declared_bare_word(files_kind: FilesKind, ledger: Ledger) -> None:
    files_kind.write("things.csv", HEADER + '1,NA,"NA"\n2,,""\n')
    ledger.capture(files_kind.open(null="NA"))
    assert ledger.rows() == [("1", None, "NA"), ("2", "", "")]
    again = Ledger()
    again.capture(files_kind.open())
    assert again.rows() == [("1", "NA", "NA"), ("2", None, "")]


def test_parquet_is_read_like_csv(files_kind: FilesKind, ledger: Ledger) -> None:
    files_kind.write("things.parquet", things_parquet("1", "2"))
    (seen,) = ledger.capture(files_kind.open(format="parquet"))
    assert tuple(seen.rows.schema.names[:3]) == COLUMNS
    assert ledger.rows("id", "note", "_row") == [("1", None, 1), ("2", None, 2)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (parquet_bytes(id=pa.array(["1"])), "it lacks `day`, `note`"),
        (
            parquet_bytes(id=pa.array([[1]]), day=pa.array([1]), note=pa.array([1])),
            "`id` is list<element: int64>, which has no single text",
        ),
    ],
)
def test_parquet_that_breaks_its_schema_is_rejected_whole(
    files_kind: FilesKind, ledger: Ledger, content: bytes, reason: str
) -> None:
    files_kind.write("things.parquet", content)
    (seen,) = ledger.capture(files_kind.open(format="parquet"))
    assert seen.rows.num_rows == 0
    assert rejects(seen)[0][1].startswith(reason)


def test_parquet_with_broken_pages_is_rejected_whole(files_kind: FilesKind, ledger: Ledger) -> None:
    content = bytearray(things_parquet(*(f"{n:09}" for n in range(5000))))
    content[200:1200] = b"\xa5" * 1000
    files_kind.write("things.parquet", bytes(content))
    (seen,) = ledger.capture(files_kind.open(format="parquet"))
    assert seen.rows.num_rows == 0
    assert rejects(seen)[0][1].startswith("it is no sound Parquet file: ")


def test_parquet_that_unpacks_beyond_reason_is_rejected_whole(
    files_kind: FilesKind, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watermain.source.drop.parquet_rows._SMALL_BYTES", 1000)
    bomb = io.BytesIO()
    table = pa.table({name: pa.array(["x" * 100_000] * 50) for name in COLUMNS})
    pq.write_table(table, bomb, compression="zstd", use_dictionary=False)
    files_kind.write("things.parquet", bomb.getvalue())
    (seen,) = ledger.capture(files_kind.open(format="parquet"))
    assert rejects(seen)[0][1].startswith("it unpacks to ")


@pytest.mark.parametrize("pattern", ["../*.csv", "/etc/*", "a/../../*"])
def test_pattern_that_leaves_its_folder_is_refused(files_kind: FilesKind, pattern: str) -> None:
    with pytest.raises(SourceError, match="leaves the folder"):
        files_kind.open(pattern=pattern).verify()


def test_missing_folder_is_an_error_that_passes(tmp_path: Path) -> None:
    word = Files(connection="drop", pattern="*.csv", format="csv")
    folder = tmp_path / "none"
    source = FileSource(word, SHAPE, folder=lambda: str(folder), scratch=tmp_path)
    with pytest.raises(UnreachableSystemError, match="there is no folder") as error:
        source.verify()
    assert error.value.next == f"mkdir -p {folder}"
    folder.mkdir()
    source.verify()


def test_folders_within_are_read_when_the_pattern_says_so(
    files_kind: FilesKind, ledger: Ledger
) -> None:
    (files_kind.folder / "2013").mkdir()
    files_kind.write("2013/things.csv", HEADER + "1,d,a\n")
    (files_kind.folder / ".hidden").mkdir()
    files_kind.write(".hidden/things.csv", HEADER + "2,d,a\n")
    ledger.capture(files_kind.open(pattern="**/*.csv"))
    assert ledger.rows("id", "_file") == [("1", "2013/things.csv")]
