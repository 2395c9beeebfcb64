"""What the lake holds, read out of its catalog from time to time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg

from watermain.clock import instant_of
from watermain.declare.name import STAGES
from watermain.lake.catalog import unreachable
from watermain.observe.export.figures import CaptureFigures, LakeFigures
from watermain.observe.export.ledger_asked import Gained, gained

LEDGER = "upkeep_raw"
EVERY = timedelta(minutes=5)  # each asking starts a process, which costs half a second of a core
_NEWEST = "select max(snapshot_id) from ducklake_snapshot"
_TABLES = """
select s.schema_name, t.table_name, coalesce(f.rows, 0) - coalesce(d.rows, 0), coalesce(f.bytes, 0)
from ducklake_table as t join ducklake_schema as s using (schema_id)
left join (
    select table_id, sum(record_count) as rows, sum(file_size_bytes) as bytes
    from ducklake_data_file where end_snapshot is null group by table_id
) as f using (table_id)
left join (
    select table_id, sum(delete_count) as rows
    from ducklake_delete_file where end_snapshot is null group by table_id
) as d using (table_id)
where t.end_snapshot is null and s.end_snapshot is null
"""


class LakeReading:
    """Read the catalog and ask the ledger, where a commit was made and five minutes have passed.

    Guarantees: the ledger's own tables are left out, of which the catalog keeps rows elsewhere.
    What was read stays as it was while the lake cannot be asked.
    """

    def __init__(
        self, dsn: Callable[[], str], ask: Callable[[int | None], Gained] = gained
    ) -> None:
        self._dsn, self._ask = dsn, ask
        self._snapshot: int | None = None
        self._looked_at: datetime | None = None
        self.asked_at: datetime | None = None
        self._lake: dict[str, LakeFigures] = {}
        self._captures: dict[str, CaptureFigures] = {}

    def __call__(self, now: datetime) -> None:
        """Look again, where it is time to.

        Raises: UnreachableSystemError.
        """
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < EVERY:
            return
        self._looked_at = now
        newest = self._catalog()
        if newest != self._snapshot:
            self._take(self._ask(self._snapshot))
        self.asked_at = now

    @property
    def lake(self) -> tuple[LakeFigures, ...]:
        """What the lake holds, dataset by dataset."""
        return tuple(self._lake[name] for name in sorted(self._lake))

    @property
    def captures(self) -> tuple[CaptureFigures, ...]:
        """What was captured, dataset by dataset."""
        return tuple(self._captures[name] for name in sorted(self._captures))

    def _catalog(self) -> int | None:
        """Read rows and bytes of the tables; give the newest snapshot."""
        try:
            with psycopg.connect(self._dsn()) as connection:
                row = connection.execute(_NEWEST).fetchone()
                newest = row[0] if row else None
                if newest == self._snapshot:
                    return self._snapshot
                tables = connection.execute(_TABLES).fetchall()
        except psycopg.Error as error:
            raise unreachable(error, data="nothing was read") from error
        known = {name: each for name, each in self._lake.items() if each.publishes is not None}
        self._lake = {n: replace(each, rows=None, bytes=None) for n, each in known.items()}
        for schema, table, rows, size in tables:
            team, _, stage = schema.rpartition("_")
            if stage in STAGES and schema != LEDGER:
                name = f"{team}.{stage}.{table}"
                held = self._lake.get(name) or LakeFigures(dataset=name)
                self._lake[name] = replace(held, rows=int(rows), bytes=int(size))
        return newest

    def _take(self, found: Gained) -> None:
        for name, count, rows, size, at in found.publishes:
            held = self._lake.get(name) or LakeFigures(dataset=name)
            self._lake[name] = replace(
                held,
                publishes=(held.publishes or 0) + count,
                published_rows=(held.published_rows or 0) + (rows or 0),
                published_bytes=(held.published_bytes or 0) + (size or 0),
                published_at=_later(held.published_at, at),
            )
        for name, count, rows, aside, at, reached in found.batches:
            before = self._captures.get(name)
            self._captures[name] = CaptureFigures(
                dataset=name,
                batches=count + (before.batches if before else 0),
                rows=(rows or 0) + (before.rows if before else 0),
                aside=(aside or 0) + (before.aside if before else 0),
                committed_at=instant_of(at),
                reached_at=_later(before.reached_at if before else None, reached),
            )
        self._snapshot = found.snapshot


def _later(before: datetime | None, micros: int | None) -> datetime | None:
    """The later of an instant of before and one in microseconds."""
    found = [each for each in (before, instant_of(micros) if micros else None) if each]
    return max(found, default=None)
