"""What the footers of staged Parquet files prove about the rows in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.check import AcceptedValues, Between, Check, NotNull
from watermain.declare.contract import Contract
from watermain.engine.audit.rule import violation

ENDS = "watermain_ends"
MOST_BITS = 1_000_000_000
BITS_FOR_A_ROW = 32
FEW_ROWS = 50_000  # beneath it a scan of its own costs more than a hash in the shared one


@dataclass
class Footer:
    """One column over all row groups: its missing values, its ends and how it is written.

    Guarantees: what a row group does not tell is None for the whole column.
    """

    nulls: int | None = 0
    low: Any = None
    high: Any = None
    has_ends: bool = True
    coded: bool = True

    def add(self, chunk: Any) -> None:
        """Take in one row group."""
        told = chunk.statistics
        self.coded = self.coded and any("DICTIONARY" in e for e in chunk.encodings)
        if told is None or not told.has_null_count:
            self.nulls, self.has_ends = None, False
            return
        if self.nulls is not None:
            self.nulls += told.null_count
        if told.null_count == chunk.num_values:
            return
        if not told.has_min_max:
            self.has_ends = False
        elif self.has_ends:
            low, high = told.min, told.max
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


@dataclass
class Footers:
    """The footers of files that hold every staged row."""

    rows: int = 0
    columns: dict[str, Footer] = field(default_factory=dict)

    def nulls(self, column: str) -> int | None:
        """The column's missing values, where the footers tell."""
        return self.columns[column].nulls if column in self.columns else None

    def is_coded(self, column: str) -> bool:
        """Whether the column has so few values that each row group keeps a dictionary of them."""
        return column in self.columns and self.columns[column].coded

    def ends(self, column: str) -> tuple[Any, Any] | None:
        """The column's least and greatest value, where the footers tell."""
        found = self.columns.get(column)
        if found is None or not found.has_ends or found.low is None:
            return None
        return found.low, found.high


def read_footers(files: Iterable[str], names: Sequence[str]) -> Footers:
    """Read the columns' footers; a few dozen kilobytes for each file."""
    found = Footers()
    for file in files:
        footer = pq.read_metadata(file)
        found.rows += footer.num_rows
        places = {footer.schema.column(n).path: n for n in range(footer.num_columns)}
        for name in names:
            column = found.columns.setdefault(name, Footer())
            for group in range(footer.num_row_groups):
                if name in places:
                    column.add(footer.row_group(group).column(places[name]))
                else:
                    column.nulls, column.has_ends, column.coded = None, False, False
    return found


def proven(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    footers: Footers,
    checks: Sequence[Check],
) -> set[str]:
    """The labels of rules that no row can break, as the footers tell.

    A range holds for all values when it holds for the least and the greatest; so does a list for
    a column of one value. Floating numbers are left out: no footer tells of NaN.
    """
    found = {c.label for c in checks if isinstance(c, NotNull) and footers.nulls(c.column) == 0}
    columns: dict[str, pa.Array] = {}
    asked = []
    for check in checks:
        if not isinstance(check, Between | AcceptedValues):
            continue
        kind, ends = contract.column(check.column).type, footers.ends(check.column)
        if ends is None or not is_exact(kind):
            continue
        if isinstance(check, Between) or ends[0] == ends[1]:
            try:
                columns[check.column] = pa.array(ends, kind)
            except pa.ArrowInvalid:
                continue  # the files hold another type than the contract: scan
            asked.append(check)
    if not asked:
        return found
    connection.register(ENDS, pa.table(columns))
    sums = ", ".join(f"coalesce(bool_or({violation(c)}), true)" for c in asked)
    broken = connection.execute(f"select {sums} from {ENDS}").fetchone() or ()
    connection.unregister(ENDS)
    return found | {c.label for c, breaks in zip(asked, broken, strict=True) if not breaks}


def is_exact(kind: pa.DataType) -> bool:
    """Whether footers keep the ends of such values whole: neither cut nor without NaN."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )


def dense(kind: pa.DataType, footers: Footers, column: str) -> tuple[int, int] | None:
    """The ends of many whole numbers in a column, where one bit for each in between is little."""
    ends = footers.ends(column)
    if ends is None or not pa.types.is_integer(kind) or footers.nulls(column) != 0:
        return None
    if footers.rows < FEW_ROWS:
        return None
    low, high = int(ends[0]), int(ends[1])
    wide = high - low + 1 > min(MOST_BITS, BITS_FOR_A_ROW * footers.rows)
    return None if wide else (low, high)
