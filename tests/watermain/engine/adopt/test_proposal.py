"""What is proposed for a folder: types, a key that holds, what is masked; or a refusal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.watermain.engine.adopt.parquet import month, months, proposed, write
from watermain.declare.cadence import Daily
from watermain.declare.contract import Sensitivity
from watermain.engine.adopt.piece import UnadoptableTableError
from watermain.engine.adopt.proposal import Wishes


def refusal(folder: Path, wishes: Wishes | None = None) -> UnadoptableTableError:
    """Why a folder is not adopted."""
    with pytest.raises(UnadoptableTableError) as caught:
        proposed(folder, wishes or Wishes())
    assert caught.value.data == "nothing was written, neither a declaration nor a row"
    return caught.value


def test_contract_has_what_the_files_have(tmp_path: Path) -> None:
    """The key by a scan, the calendar from the first row, what is personal by name or value."""
    folder = months(tmp_path / "f")
    write(folder, "old.parquet", month(1, first=500).drop_columns(["email"]))
    made = proposed(folder)
    contract = made.contract
    assert (contract.key, contract.event_time) == (("order_id",), "ordered_at")
    assert {f.name: f.type for f in contract.schema} == {f.name: f.type for f in month(1).schema}
    assert made.cadence == Daily(start=date(2024, 1, 1))
    assert contract.column("email").sensitivity is Sensitivity.PERSONAL
    assert all(piece.is_linked for piece in made.pieces)
    assert "key (order_id): proved, no two rows share it" in made.notes


def test_values_tell_what_a_name_does_not(tmp_path: Path) -> None:
    """A sample of the values is looked at where the name says nothing."""
    rows = pa.table({"id": [1, 2], "who": ["a@b.org", "c@d.org"], "what": ["x", "y"]})
    write(tmp_path / "f", "a.parquet", rows)
    contract = proposed(tmp_path / "f").contract
    found = {c.name: c.sensitivity for c in contract.columns}
    assert found["who"] is Sensitivity.PERSONAL
    assert found["what"] is Sensitivity.INTERNAL


def test_key_of_two_columns_is_found_and_proved(tmp_path: Path) -> None:
    """Neither alone names a row."""
    pairs = [(order, line) for order in range(30) for line in range(30)]
    rows = pa.table({"order_id": [a for a, _ in pairs], "line_no": [b for _, b in pairs]})
    write(tmp_path / "f", "a.parquet", rows)
    assert set(proposed(tmp_path / "f").contract.key) == {"order_id", "line_no"}


def test_key_that_comes_again_in_each_file_is_said(tmp_path: Path) -> None:
    """Full dumps: each file by itself holds the key."""
    for name in ("monday.parquet", "tuesday.parquet"):
        write(tmp_path / "f", name, pa.table({"id": [1, 2, 3], "level": [4, 4, 5]}))
    made = proposed(tmp_path / "f", Wishes(key=("id",)))
    assert made.contract.grain == "one row per id of each file"


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([1.0, float("nan")]), "it holds NaN in `x`"),
        (pa.array([1, 1_001], pa.timestamp("ns", "UTC")), "`x` has instants between"),
    ],
)
def test_file_that_readers_would_misread_does_not_stay(
    column: pa.Array, why: str, tmp_path: Path
) -> None:
    """Footers leave NaN out, and the lake has microseconds: such a file is captured instead."""
    write(tmp_path / "f", "a.parquet", pa.table({"id": [1, 2], "x": column}))
    (piece,) = proposed(tmp_path / "f").pieces
    assert piece.is_left
    assert piece.why.startswith(why)


def test_nanoseconds_that_are_whole_microseconds_stay(tmp_path: Path) -> None:
    """As pandas wrote them for years."""
    column = pa.array([1_000, 2_000], pa.timestamp("ns", "UTC"))
    write(tmp_path / "f", "a.parquet", pa.table({"id": [1, 2], "x": column}))
    (piece,) = proposed(tmp_path / "f").pieces
    assert piece.is_linked


@pytest.mark.parametrize(
    ("rows", "wishes", "what"),
    [
        (
            pa.table({"id": [1, 1], "note": ["a", "a"]}),
            Wishes(),
            "no key holds",
        ),
        (
            pa.table({"id": [1, 1]}),
            Wishes(key=("id",)),
            "(id) is no key: 2 rows have 1 of them",
        ),
        (
            pa.table({"id": [1, None]}),
            Wishes(key=("id",)),
            "(id) is no key: 1 of 2 rows lack a part of it",
        ),
        (pa.table({"id": [1]}), Wishes(key=("it",)), "there is no column `it`"),
        (
            pa.table({"id": [1], "d": pa.array([1], pa.duration("us"))}),
            Wishes(),
            "no contract has the type of a column: `d` is duration[us]",
        ),
        (
            pa.table({"id": [1], "d": pa.array([Decimal(1)], pa.decimal256(60, 2))}),
            Wishes(),
            "no contract has the type of a column: `d` is decimal256(60, 2)",
        ),
        (
            pa.table({"id": [1], "_file": ["x"]}),
            Wishes(),
            "`_file` is a column that the platform writes itself",
        ),
        (pa.table({"id": [1], "n": pa.nulls(1)}), Wishes(), "`n` has no type"),
        (
            pa.table([pa.array([1]), pa.array([2])], names=["id", "ID"]),
            Wishes(),
            "a.parquet names the column `id` twice, or in two cases",
        ),
        (
            pa.table({"id": [1], "at": [datetime(2024, 1, 1, tzinfo=UTC)]}),
            Wishes(event_time="when"),
            "`when` is no column of dates or of times",
        ),
        (
            pa.table({"id": [1, 2], "at": [datetime(2024, 1, 1, tzinfo=UTC), None]}),
            Wishes(event_time="at"),
            "some row has no `at`",
        ),
    ],
)
def test_table_that_cannot_be_adopted_is_refused(
    rows: pa.Table, wishes: Wishes, what: str, tmp_path: Path
) -> None:
    """In four lines, before anything is made."""
    write(tmp_path / "f", "a.parquet", rows)
    assert refusal(tmp_path / "f", wishes).what.startswith(what)


def test_folder_that_cannot_be_adopted_is_refused(tmp_path: Path) -> None:
    """Files that disagree, that are none, columns that only folders name; or no file at all."""
    write(tmp_path / "a", "1.parquet", pa.table({"id": [1]}))
    write(tmp_path / "a", "2.parquet", pa.table({"id": ["x"]}))
    assert refusal(tmp_path / "a").what == "`id` is int64 in 1.parquet, and string in 2.parquet"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.parquet").write_bytes(b"PAR1 nothing")
    assert refusal(tmp_path / "b").what.startswith("x.parquet is no sound Parquet file")
    write(tmp_path / "c", "region=eu/1.parquet", pa.table({"id": [1]}))
    told = refusal(tmp_path / "c")
    assert told.what.startswith("the column `region` stands in the names of folders alone")
    assert proposed(tmp_path / "c", Wishes(without=("region",))).contract.key == ("id",)
    (tmp_path / "d").mkdir()
    assert refusal(tmp_path / "d").what.startswith("no file in")


def test_integers_of_two_widths_are_the_wider(tmp_path: Path) -> None:
    """A file with the narrower one stays as it is."""
    write(tmp_path / "f", "1.parquet", pa.table({"id": pa.array([1], pa.int32())}))
    write(tmp_path / "f", "2.parquet", pa.table({"id": pa.array([2**40], pa.int64())}))
    made = proposed(tmp_path / "f")
    assert made.contract.schema.field("id").type == pa.int64()
    assert all(piece.is_linked for piece in made.pieces)


def test_left_file_without_a_column_is_refused(tmp_path: Path) -> None:
    """The capture would put all of it aside: that is said before, with what to do."""
    write(tmp_path / "f", "1.parquet", pa.table({"id": [1, 2], "x": [1.0, float("nan")]}))
    write(tmp_path / "f", "2.parquet", pa.table({"id": [3], "x": [1.0], "y": ["late"]}))
    assert refusal(tmp_path / "f").what.startswith("1.parquet lacks `y` and cannot stay as it is")
    assert pq.read_metadata(tmp_path / "f" / "1.parquet").num_rows == 2
