"""Rows of a batch whose key raw holds already, left out by one hash join in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.capture.arrival import TYPED, Arrival
from watermain.lake.lake import quote, table, text


def leave_out_repeats(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, arrival: Arrival
) -> int:
    """Delete typed rows whose key stands in raw, or earlier in the batch; give their number.

    Guarantees: the first of each key stays; what quarantine takes is no repeat. Nothing is read
    where the contract does not ask, and of raw only the keys near the batch's own event times.
    """
    if dataset.contract.repeats_within is None:
        return 0
    names = [quote(k) for k in dataset.contract.key]
    keys = ", ".join(names)
    ends = ", ".join(f"min({n})::varchar, max({n})::varchar, any_value(typeof({n}))" for n in names)
    rows, rising, *found = connection.execute(
        f"select count(*), bool_and(key > before), {ends} from (select {keys}, ({keys}) as key,"
        f" lag(({keys})) over () as before from {TYPED} where _reason is null)"
    ).fetchone() or (0, None)
    if not rows:
        return 0
    single = rising is not False or _hashes(connection, keys) == rows
    # Constants leave out files of raw by what the catalog knows of them.
    near = [_near(connection, dataset, TYPED), *_between(names, found)]
    held = f"(select {keys} from {table(dataset.name)} where {' and '.join(near)})"
    fresh = f"(select {keys} from {TYPED} where _reason is null)"
    # The batch's keys are the side that is hashed.
    known = f"select 1 from {held} semi join {fresh} using ({keys}) limit 1"
    if single and connection.execute(known).fetchone() is None:
        return 0
    own = arrival.own()
    doubled = "" if single else _doubled(own, keys)
    gone = connection.execute(
        f"delete from {own} where rowid in (select a.rowid from {own} as a"
        f" semi join {held} as held using ({keys}) where _reason is null{doubled})"
    ).fetchone()
    return int(gone[0]) if gone else 0


def _hashes(connection: duckdb.DuckDBPyConnection, keys: str) -> int:
    row = connection.execute(
        f"select count(distinct hash({keys})) from {TYPED} where _reason is null"
    ).fetchone()
    return int(row[0]) if row else 0


def _doubled(arrived: str, keys: str) -> str:
    """The rows behind the first of each key; only keys whose hash comes twice are sorted."""
    kept = f"from {arrived} where _reason is null"
    twice = f"select hash({keys}) {kept} group by 1 having count(*) > 1"
    return (
        f" union all select row from (select rowid as row, row_number() over (partition by {keys}"
        f" order by rowid) as place {kept} and hash({keys}) in ({twice})) where place > 1"
    )


def _between(names: list[str], ends: list[str]) -> Iterator[str]:
    for name, low, high, kind in zip(names, ends[::3], ends[1::3], ends[2::3], strict=True):
        if "\0" not in low + high:
            yield f"{name} between {text(low)}::{kind} and {text(high)}::{kind}"


def _near(connection: duckdb.DuckDBPyConnection, dataset: Dataset, arrived: str) -> str:
    """The condition of the rows in raw that a repeat may be one of, as constants to prune by."""
    event, within = dataset.contract.event_time, dataset.contract.repeats_within
    if event is None or within is None or within == timedelta.max:
        return "true"
    column, reach = quote(event), f"to_microseconds({within // timedelta(microseconds=1)})"
    kind, low, high = connection.execute(
        f"select kind, try(low - {reach})::varchar, try(high + {reach})::varchar from"
        f" (select any_value(typeof({column})) as kind, min({column}) as low,"
        f" max({column}) as high from {arrived} where _reason is null)"
    ).fetchone() or ("", None, None)
    bounds = ((">=", low), ("<=", high))  # one beyond the calendar bounds nothing
    near = [f"{column} {sign} {text(b)}::timestamp::{kind}" for sign, b in bounds if b]
    return " and ".join(near) or "true"
