"""What every online store can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol, Self

import pyarrow as pa

ENTRIES = pa.schema([("key", pa.binary()), ("event_us", pa.int64()), ("value", pa.binary())])
CORRECTIONS = pa.schema(
    [
        ("key", pa.binary()),
        ("seen_us", pa.int64()),
        ("event_us", pa.int64()),
        ("value", pa.binary()),
    ]
)


class StoredRow(NamedTuple):
    """One stored row.

    Units: `event_us` are microseconds of UTC since 1970. `value` is a JSON object in UTF-8.
    """

    event_us: int
    value: bytes


@dataclass(frozen=True)
class Cursor:
    """Up to where the lake is in the store: a snapshot and an instant of event time."""

    snapshot: int
    until_us: int


class OnlineStore(Protocol):
    """Keep the newest row of each entity of each feature table.

    Shapes: a table is a dataset's whole name, its version included; a key is the entity's values
    as one JSON array in UTF-8, in the declared order.
    Guarantees: a row is replaced whole, never by one with an earlier event time, so that the same
    batch may be written again; the cursor moves after, or with, the rows that it speaks of.
    Raises: UnreachableSystemError, while the store does not answer; or LostRowsError, when a
    store lost what was written since `begin`, another writer began since, or the cursor is not the
    one that was reckoned from: what follows is refused.
    """

    def begin(self, table: str, aim: Cursor, since: Cursor | None = None) -> None:
        """Say up to where rows are about to be written, before the first of them.

        Shapes: `since` is the cursor from which the rows were reckoned; when it is no longer the
        table's, as after a flush, nothing is begun.
        Guarantees: until `put` is given a cursor, `begun` gives the aim, whatever becomes of us.
        """
        ...

    def begun(self, table: str) -> Cursor | None:
        """Up to where somebody meant to write who did not arrive there; None when nobody did."""
        ...

    def put(
        self, table: str, entries: pa.Table, cursor: Cursor | None, ttl: timedelta | None = None
    ) -> int:
        """Write rows of schema ENTRIES, at most one of each key, and give how many were written.

        Units: `ttl` counts from the event time; a row past it is not written.
        Guarantees: a `cursor` ends what `begin` began; without that, this call is all of it.
        """
        ...

    def correct(self, table: str, corrections: pa.Table, ttl: timedelta | None = None) -> int:
        """Replace rows, of schema CORRECTIONS, that the lake no longer holds; give how many were.

        Shapes: a row is replaced only while its event time is `seen_us`; a null `value` removes
        it, as does one past its time. Each pair of a key and a `seen_us` stands once.
        """
        ...

    def get(self, wanted: Sequence[tuple[str, bytes]]) -> list[StoredRow | None]:
        """Read rows by (table, key) in one round trip, None where there is none."""
        ...

    def scan(self, table: str) -> Iterator[pa.Table]:
        """Read every row of a table, as batches of schema ENTRIES, in no order.

        Guarantees: a row that is there all the while comes at least once.
        """
        ...

    def cursor(self, table: str) -> Cursor | None:
        """Up to where the table is filled; None when it is not or was flushed."""
        ...

    def drop(self, table: str) -> None:
        """Forget a table and its cursor."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
