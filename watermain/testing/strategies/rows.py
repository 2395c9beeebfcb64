"""Hypothesis strategies of the rows that a contract promises."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc

from watermain.declare.cadence import Cadence
from watermain.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Matches,
    NotNull,
    RowCount,
    UniqueKey,
)
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.engine.table.partition import is_zoned
from watermain.testing.given_rows import GivenRowsError
from watermain.testing.strategies.values import CHARACTERS, LAST, Values, bound_of, values

MOST = 8
Dicts = st.SearchStrategy[list[dict[str, Any]]]


def rows_of(
    promised: Contract | Dataset, *, least: int = 0, most: int = MOST, partition: str | None = None
) -> Dicts:
    """Any rows, as dicts, that a contract, and the checks of a dataset if one is given, allow.

    Shapes: from `least` to `most` rows, and with a `partition` all of them lie in it. Types, nulls,
    the key, `unique`, `not_null`, `accepted_values`, `between` and `matches` are respected,
    and so is `row_count` in one partition or without a cadence; the key of what is captured may
    come again. What SQL, other datasets or the partitions before say is not respected: filter by
    `failing`.
    Raises: InvalidPartitionError.
    """
    contract = promised if isinstance(promised, Contract) else promised.contract
    checks = () if isinstance(promised, Contract) else promised.all_checks
    cadence = None if isinstance(promised, Contract) else promised.cadence
    window = {} if cadence is None else _window(cadence, contract, partition)
    row = st.fixed_dictionaries(
        {c.name: _column(contract, c.name, checks, window) for c in contract.columns}
    )
    if row.is_empty:  # rules that no value keeps
        return st.just([]) if least == 0 else st.nothing()
    if not contract.key and not contract.keyless:
        return st.lists(row, min_size=1, max_size=1)
    if cadence is None or partition is not None:
        for check in checks:
            if isinstance(check, RowCount):
                least = max(least, check.low)
                most = max(least, most if check.high is None else min(most, check.high))
    keys = {c.key for c in checks if isinstance(c, UniqueKey)}
    keys |= {contract.key} if isinstance(promised, Contract) and contract.key else set()
    unique = tuple(_teller(key) for key in sorted(keys))
    return st.lists(row, min_size=least, max_size=most, unique_by=unique or None)


def tables_of(
    promised: Contract | Dataset, *, least: int = 0, most: int = MOST, partition: str | None = None
) -> st.SearchStrategy[pa.Table]:
    """The same rows as a table of Arrow with the contract's types.

    Raises: InvalidPartitionError.
    """
    contract = promised if isinstance(promised, Contract) else promised.contract
    made = rows_of(promised, least=least, most=most, partition=partition)
    return made.map(lambda rows: _table(rows, contract.schema))


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        given, kind = [row[field.name] for row in rows], field.type
        if pa.types.is_dictionary(kind):
            columns.append(pa.array(given, kind.value_type).dictionary_encode().cast(kind))
        else:
            columns.append(pa.array(given, kind))
    return pa.Table.from_arrays(columns, schema=schema)


def _window(cadence: Cadence, contract: Contract, partition: str | None) -> dict[str, Any]:
    """Bounds of the event time: the partition's or the calendar's; its end is not in it."""
    zoned, tick = is_zoned(contract), timedelta(microseconds=1)
    first = partition or cadence.first
    if zoned:
        window = cadence.window(first)
        low, high = window.start, window.end - tick
    else:
        low = cadence.local(first)
        high = cadence.following(low) - tick
    open_end = LAST.replace(tzinfo=low.tzinfo)
    return {"name": contract.event_time, "low": low, "high": high if partition else open_end}


def _column(
    contract: Contract, name: str, checks: Iterable[Check], window: dict[str, Any]
) -> Values:
    """Any value that a column may have; nothing where its rules leave none."""
    kind = contract.column(name).type
    own = [c for c in checks if c.columns() == (name,)]
    is_event = window.get("name") == name
    needed = contract.demands(name) or is_event or any(isinstance(c, NotNull) for c in own)
    bounds = [(c.low, c.high) for c in own if isinstance(c, Between)]
    bounds += [(window["low"], window["high"])] if is_event else []
    lows = [bound_of(kind, low) for low, _ in bounds if low is not None]
    highs = [bound_of(kind, high) for _, high in bounds if high is not None]
    listed = [c.values for c in own if isinstance(c, AcceptedValues)]
    patterns = [c.pattern for c in own if isinstance(c, Matches)]
    if listed:
        known = [value for value in listed[0] if _holds(kind, value)]
        made = st.sampled_from(known) if known else st.nothing()
    elif patterns:
        made = st.from_regex(_readable(contract, patterns[0]), fullmatch=True, alphabet=CHARACTERS)
    else:
        made = values(kind, low=max(lows, default=None), high=min(highs, default=None))
    if pa.types.is_null(kind):
        return st.nothing() if needed else st.none()
    made = made.filter(lambda v: all(v >= low for low in lows) and all(v <= high for high in highs))
    made = made.filter(lambda v: all(v in of for of in listed))
    made = made.filter(lambda v: all(_matches(v, pattern) for pattern in patterns))
    return made if needed else st.none() | made


def _holds(kind: pa.DataType, value: Any) -> bool:
    try:
        return bool(pa.scalar(value, kind).as_py() == value)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False


def _readable(contract: Contract, pattern: str) -> re.Pattern[str]:
    """A pattern of RE2 as Python reads it."""
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise GivenRowsError(
            f"rows of `{contract.grain}`: Python cannot read the pattern {pattern!r}: {error}",
            declared=f"matches(..., {pattern!r})",
            data="no row was drawn",
            next="write it as both RE2 and Python read it",
        ) from error


def _matches(value: str, pattern: str) -> bool:
    """Whether the engine's kind of pattern matches all of a text."""
    found = pc.match_substring_regex(pa.array([value]), rf"\A(?:{pattern})\z")
    return bool(found[0].as_py())


def _teller(key: tuple[str, ...]) -> Any:
    """What two rows that share a key have in common, as the engine compares values."""
    return lambda row: tuple(_told(row[name]) for name in key)


def _told(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value + 0.0)  # zero is zero and NaN is NaN
    if isinstance(value, dict):
        return tuple(map(_told, value.values()))
    return tuple(map(_told, value)) if isinstance(value, (list, tuple)) else value
