"""Every kind of online store, opened over what a test has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from watermain.clock import Clock, FixedClock
from watermain.online.protocol import CORRECTIONS, ENTRIES, OnlineStore

TABLE = "weather.features.wind_v2"
NOW = datetime(2013, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Kind:
    """One kind: `open` gives a store over the same data each time; `flush` loses all of it."""

    name: str
    open: Callable[[Clock], OnlineStore]
    flush: Callable[[], None]
    restart: Callable[[], None] | None = None


def clock() -> FixedClock:
    """A clock that a test moves."""
    return FixedClock(NOW)


def us(seconds: float = 0) -> int:
    """So many seconds from NOW, in microseconds since 1970."""
    return int((NOW - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) + int(
        seconds * 10**6
    )


def entries(*rows: tuple[bytes, int, bytes]) -> pa.Table:
    """Rows of key, event time, value."""
    return _table(rows, ENTRIES)


def corrections(*rows: tuple[bytes, int, int | None, bytes | None]) -> pa.Table:
    """Rows of key, the event time seen, the new one, the new value."""
    return _table(rows, CORRECTIONS)


def scanned(store: OnlineStore, table: str = TABLE) -> dict[bytes, tuple[int, bytes]]:
    """Every row of a table by its key."""
    found = [row for batch in store.scan(table) for row in batch.to_pylist()]
    return {row["key"]: (row["event_us"], row["value"]) for row in found}


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    named = [dict(zip(schema.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(named, schema=schema)
