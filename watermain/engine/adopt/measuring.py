"""What one scan finds in each piece: rows, ends of event times, values that no footer tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from watermain.declare.contract import Column
from watermain.engine.adopt.rows import Rows
from watermain.lake.lake import quote

T = pa.types
_BATCH_ROWS = 65_536
NANOSECONDS = "`{}` has instants between two microseconds, which the lake would cut"
NAN = "it holds NaN in `{}`, which footers leave out and readers would miss"


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The ends of one column in one piece, with the rows that have no value."""

    low: Any
    high: Any
    nulls: int


@dataclass(frozen=True, kw_only=True)
class PieceFacts:
    """What the scan found in one piece."""

    rows: int
    ends: Mapping[str, Ends]
    nans: tuple[str, ...]


def facts(rows: Rows, columns: Sequence[Column]) -> dict[str, PieceFacts]:
    """Look at each piece's times and floats, by what tells the pieces apart."""
    times = [c.name for c in columns if pa.types.is_timestamp(c.type) or pa.types.is_date(c.type)]
    floats = [c.name for c in columns if pa.types.is_floating(c.type)]
    asked = ["count(*)"]
    for name in map(quote, times):
        asked += [f"min({name})", f"max({name})", f"count(*) - count({name})"]
    asked += [f"coalesce(bool_or(isnan({quote(name)})), false)" for name in floats]
    found = {}
    for piece, count, *told in rows.asked(
        f"select {rows.by}, {', '.join(asked)} from rows group by 1"
    ):
        ends = {
            name: Ends(low=told[n * 3], high=told[n * 3 + 1], nulls=told[n * 3 + 2])
            for n, name in enumerate(times)
        }
        nans = zip(floats, told[len(times) * 3 :], strict=True)
        found[str(piece)] = PieceFacts(
            rows=count, ends=ends, nans=tuple(name for name, holds in nans if holds)
        )
    return found


def cut_column(path: Path) -> str:
    """A column of a file whose instants are finer than a microsecond; empty where none is."""
    with pq.ParquetFile(path) as file:
        names = [
            f.name for f in file.schema_arrow if T.is_timestamp(f.type) and f.type.unit == "ns"
        ]
        for batch in file.iter_batches(_BATCH_ROWS, columns=names) if names else ():
            for name in names:
                instants = batch.column(name).cast(pa.int64())
                whole = pc.multiply(pc.divide(instants, 1000), 1000)
                if not pc.all(pc.equal(whole, instants), min_count=0).as_py():
                    return str(name)
    return ""
