"""Rows on their way into a store, each with the instant at which it is past its time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watermain.clock import MICROSECOND
from watermain.online.protocol import Cursor

NEVER = 2**63 - 1


def expiries(event_us: pa.ChunkedArray, ttl: timedelta | None) -> np.ndarray:
    """When each row is past its time, in microseconds; NEVER where it will not be."""
    events = event_us.to_numpy()
    if ttl is None:
        return np.full(len(events), NEVER, np.int64)
    lasting = min(ttl // MICROSECOND, NEVER)
    return np.where(events > NEVER - lasting, NEVER, events + np.int64(lasting))


def lasting(entries: pa.Table, ttl: timedelta | None, now_us: int) -> pa.Table:
    """The rows that are not past their time, with `expires_us` as their last column."""
    expires = expiries(entries["event_us"], ttl)
    found = entries.append_column("expires_us", pa.array(expires, pa.int64()))
    return found if ttl is None else found.filter(pa.array(expires > now_us))


def corrected(corrections: pa.Table, ttl: timedelta | None, now_us: int) -> pa.Table:
    """The corrections with `expires_us` as their last column; null values where rows only go."""
    events = corrections["event_us"].fill_null(0)
    expires = expiries(events, ttl)
    value = corrections["value"]
    if ttl is not None:
        value = pc.if_else(pa.array(expires > now_us), value, pa.scalar(None, value.type))
    columns = [corrections["key"], corrections["seen_us"], events, value, pa.array(expires)]
    return pa.table(columns, names=[*corrections.schema.names, "expires_us"])


def words(cursor: Cursor | None) -> tuple[int | None, int | None]:
    """A cursor as two columns; nulls for none."""
    return (None, None) if cursor is None else (cursor.snapshot, cursor.until_us)
