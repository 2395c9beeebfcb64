"""What footers prove, what they must not: known answers, then random columns."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watermain.declare import Check, Column, Contract, accepted_values, between, not_null
from watermain.engine.audit.footers import Footers, dense, proven, read_footers
from watermain.engine.audit.rule import violation


def written(folder: Path, values: list[Any], kind: pa.DataType, groups: int = 2) -> Footers:
    """The footers of a file whose column `v` holds the values, in row groups."""
    path = folder / "file.parquet"
    pq.write_table(
        pa.table({"v": pa.array(values, kind)}),
        path,
        row_group_size=max(1, len(values) // groups),
    )
    return read_footers([str(path)], ["v"])


def contract(kind: pa.DataType) -> Contract:
    """A table of one column."""
    return Contract(grain="one row", key=("v",), columns=(Column("v", kind, "a value"),))


def shown(footers: Footers, kind: pa.DataType, *checks: Check) -> set[str]:
    """The labels of what is proven."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return proven(connection, contract(kind), footers, checks)


NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
INSTANT = pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("kind", "values", "check", "is_proven"),
    [
        (pa.int64(), [1, 2, 3], between("v", low=1, high=3), True),
        (pa.int64(), [1, 2, 3], between("v", low=2), False),
        (pa.int64(), [1, 2, 3], between("v", high=2), False),
        (pa.int64(), [1, None, 3], between("v", low=1), True),
        (pa.int64(), [None, None], between("v", low=1), False),
        (pa.int32(), [-5, 5], between("v", low=-5), True),
        (pa.decimal128(10, 2), [Decimal("1.50")], between("v", high=1.5), True),
        (pa.decimal128(10, 2), [Decimal("1.51")], between("v", high=1.5), False),
        (pa.date32(), [date(2013, 1, 2)], between("v", low=date(2013, 1, 2)), True),
        (pa.date32(), [date(2013, 1, 1)], between("v", low=date(2013, 1, 2)), False),
        (INSTANT, [NOON], between("v", low=NOON), True),
        (INSTANT, [NOON], between("v", low=datetime(2013, 1, 1, 13, tzinfo=UTC)), False),
        (pa.float64(), [1.0, 2.0], between("v", low=0), False),
        (pa.float64(), [1.0, math.nan], between("v", high=2), False),
        (pa.string(), ["a", "b"], between("v", low="a"), False),
        (pa.int64(), [7, 7], accepted_values("v", (7, 8)), True),
        (pa.int64(), [7, 7], accepted_values("v", (8,)), False),
        (pa.int64(), [7, 8], accepted_values("v", (7, 8)), False),
        (pa.string(), ["a", "b"], not_null("v"), True),
        (pa.string(), ["a", None], not_null("v"), False),
        (pa.float64(), [math.nan], not_null("v"), True),
    ],
)
def test_footers_prove_only_what_is_true(
    tmp_path: Path, kind: pa.DataType, values: list[Any], check: Check, is_proven: bool
) -> None:
    """Floating numbers, texts are scanned: NaN is in no footer, long texts are cut."""
    footers = written(tmp_path, values, kind)
    assert shown(footers, kind, check) == ({check.label} if is_proven else set())


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    values=st.lists(st.none() | st.integers(-20, 20), min_size=1, max_size=30),
    low=st.integers(-20, 20),
    width=st.integers(0, 40),
    groups=st.integers(1, 5),
)
def test_what_footers_prove_no_row_breaks(
    tmp_path: Path, values: list[int | None], low: int, width: int, groups: int
) -> None:
    """Whatever the rows, however they are grouped."""
    checks = (between("v", low=low, high=low + width), not_null("v"), accepted_values("v", (low,)))
    footers = written(tmp_path, values, pa.int64(), groups)
    labels = shown(footers, pa.int64(), *checks)
    with duckdb.connect() as connection:
        connection.register("rows", pa.table({"v": pa.array(values, pa.int64())}))
        for check in checks:
            row = connection.execute(
                f"select count(*) from rows where {violation(check)}"
            ).fetchone()
            assert row is not None
            if check.label in labels:
                assert row[0] == 0
            elif not isinstance(check, type(checks[2])) and any(v is not None for v in values):
                assert row[0] > 0


@pytest.mark.parametrize(
    ("values", "kind", "ends"),
    [
        ([5, 6, 9], pa.int64(), (5, 9)),
        ([-3, 3], pa.int32(), (-3, 3)),
        ([5, None], pa.int64(), None),
        ([1, 10**12], pa.int64(), None),
        (["a", "b"], pa.string(), None),
    ],
)
def test_dense_keys_are_whole_numbers_close_together(
    tmp_path: Path,
    values: list[Any],
    kind: pa.DataType,
    ends: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bit for each number in between must be little beside the rows, which must be many."""
    held = written(tmp_path, values, kind)
    assert dense(kind, held, "v") is None
    monkeypatch.setattr("watermain.engine.audit.footers.FEW_ROWS", len(values))
    assert dense(kind, held, "v") == ends


def test_column_that_a_file_lacks_proves_nothing(tmp_path: Path) -> None:
    """A file that was written before the column came."""
    written(tmp_path, [1, 2], pa.int64())
    footers = read_footers([str(tmp_path / "file.parquet")], ["w"])
    assert footers.nulls("w") is None
    assert footers.ends("w") is None
    assert not footers.is_coded("w")


def test_footers_of_no_file_prove_nothing() -> None:
    """Rows that the catalog itself holds are scanned."""
    footers = read_footers([], ["v"])
    assert footers.rows == 0
    assert shown(footers, pa.int64(), not_null("v"), between("v", low=0)) == set()


def test_dictionaries_tell_of_few_values(tmp_path: Path) -> None:
    """A column that some row group writes plainly has many."""
    assert written(tmp_path, ["a", "b"] * 50, pa.string()).is_coded("v")
    pq.write_table(pa.table({"v": ["a", "b"]}), tmp_path / "plain.parquet", use_dictionary=False)
    plain = read_footers([str(tmp_path / "plain.parquet")], ["v"])
    assert not plain.is_coded("v")
