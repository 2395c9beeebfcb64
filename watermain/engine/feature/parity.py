"""Online values held against those that the lake had at the store's cursor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from watermain.clock import micros
from watermain.declare.dataset import Dataset
from watermain.declare.feature_ref import feature_of
from watermain.engine.feature.online import hold, lease_of
from watermain.engine.feature.online_row import entries_sql, newest_sql, rows_sql
from watermain.engine.table.difference import MASK
from watermain.lake.lake import Lake
from watermain.online.protocol import ENTRIES, Cursor, OnlineStore

SAMPLES = 5
ASKED_AT_ONCE = 1000
# A row this close to its end may be gone when the store is asked.
SLACK = timedelta(minutes=1)
_COMPARED = """
create or replace temp table online_compared as
select coalesce(e.key, f.key) as key, case
    when e.key is null then 'extra'
    when f.key is null and e.event_us > {oldest_us} then 'missing'
    when f.key is null then 'expired'
    when f.event_us < e.event_us then 'stale'
    when f.event_us > e.event_us or f.value is distinct from e.value then 'different'
    else 'same' end as word
from online_expected as e full join online_found as f on e.key = f.key
"""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How many entities were compared, and what was wrong with how many of them.

    `stale` have an older row than the lake, and `different` other values or a newer row; `extra`
    are in the store alone. `samples` name a few, masked where the entity is sensitive. A store that
    was never filled has no `cursor`: everything is missing. `is_cut_off` when a push did not
    arrive: some rows may then be ahead of the cursor.
    """

    cursor: Cursor | None
    compared: int
    missing: int
    stale: int
    different: int
    extra: int
    samples: tuple[str, ...] = ()
    is_cut_off: bool = False

    @property
    def mismatches(self) -> int:
        """The entities that are not as the lake has them."""
        return self.missing + self.stale + self.different + self.extra


def parity(
    dataset: Dataset,
    lake: Lake,
    store: OnlineStore,
    now: datetime,
    sample: int | None = None,
    *,
    wait_seconds: float = 3600,
) -> Parity:
    """Compare every entity, or a sample of those in the lake, while nobody pushes.

    Guarantees: the lake is read at the cursor's snapshot and instant; a row past its time, or about
    to be, need not be in the store. A sample finds nothing that is extra.
    """
    feature, table = feature_of(dataset), str(dataset.name)
    held = lake.fence.lease(lease_of(dataset), wait_seconds=wait_seconds)
    with held, lake.get_connection() as connection:
        cursor = store.cursor(table)
        at = cursor or Cursor(lake.snapshot(connection), micros(now))
        _expect(connection, dataset, at, sample)
        batches = store.scan(table) if sample is None else _asked(connection, store, table)
        hold(connection, "online_found", batches)
        ttl = feature.online.ttl if feature.online else None
        oldest_us = -(2**63) if ttl is None else micros(now + SLACK - ttl)
        connection.execute(_COMPARED.format(oldest_us=oldest_us))
        counts = dict(
            connection.execute("select word, count(*) from online_compared group by 1").fetchall()
        )
        return Parity(
            cursor=cursor,
            compared=sum(counts.values()) - counts.get("expired", 0),
            missing=counts.get("missing", 0),
            stale=counts.get("stale", 0),
            different=counts.get("different", 0),
            extra=counts.get("extra", 0),
            samples=tuple(_samples(connection, dataset)),
            is_cut_off=store.begun(table) is not None,
        )


def _expect(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, at: Cursor, sample: int | None
) -> None:
    newest = newest_sql(dataset, rows_sql(dataset, at.snapshot, at.until_us))
    some = "" if sample is None else f" using sample reservoir({int(sample)} rows)"
    connection.execute(
        "create or replace temp table online_expected as"
        f" {entries_sql(dataset, f'select * from ({newest}){some}')}"
    )


def _asked(
    connection: duckdb.DuckDBPyConnection, store: OnlineStore, table: str
) -> Iterator[pa.Table]:
    """What the store has of the entities that are expected."""
    keys = [row[0] for row in connection.execute("select key from online_expected").fetchall()]
    for first in range(0, len(keys), ASKED_AT_ONCE):
        some = keys[first : first + ASKED_AT_ONCE]
        found = store.get([(table, key) for key in some])
        rows = [(k, *kept) for k, kept in zip(some, found, strict=True) if kept is not None]
        columns = zip(*rows, strict=True) if rows else [(), (), ()]
        yield pa.table([pa.array(list(c)) for c in columns], names=ENTRIES.names).cast(ENTRIES)


def _samples(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> Iterator[str]:
    hidden = any(dataset.contract.is_sensitive(n) for n in feature_of(dataset).entity)
    for word in ("missing", "stale", "different", "extra"):
        rows = connection.execute(
            "select decode(key) from online_compared where word = ? order by 1 limit ?",
            [word, SAMPLES],
        ).fetchall()
        yield from (f"{word} {MASK if hidden else key}" for (key,) in rows)
