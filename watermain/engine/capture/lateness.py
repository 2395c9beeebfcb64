"""How far a captured stream has come in event time, which of its rows come late."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.engine.table.partition import Span, is_zoned
from watermain.lake.checkpoint import End
from watermain.lake.lake import quote, text


class Late(NamedTuple):
    """The rows of a batch whose partition was over, counted, and where they belong."""

    rows: int = 0
    partitions: str = "[]"


@dataclass(kw_only=True)
class Watermarks:
    """The newest event time of each shard, and the stream's watermark, which never goes back.

    The watermark is the oldest of the shards that gave a row within the cadence's `idle_after`.
    A partition is over when the watermark passed its end by `late_for`.
    Guarantees: an event time in the future counts as now, so that one wrong clock makes nothing
    late; without a cadence nothing is.
    """

    dataset: Dataset
    shards: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    reached: datetime | None = None

    @classmethod
    def known(cls, dataset: Dataset, ends: Mapping[str, End]) -> Watermarks:
        """What the ledger remembers."""
        if dataset.cadence is None:
            return cls(dataset=dataset)
        shards = {
            shard: (end.newest_at, end.seen_at)
            for shard, end in ends.items()
            if end.newest_at is not None and end.seen_at is not None
        }
        marks = [end.watermark_at for end in ends.values() if end.watermark_at is not None]
        return cls(dataset=dataset, shards=shards, reached=max(marks, default=None))

    def copy(self) -> Watermarks:
        """The same marks, which stand still when these move on."""
        return replace(self, shards=dict(self.shards))

    def late(self, connection: duckdb.DuckDBPyConnection, arrived: str, span: Span | None) -> Late:
        """Count the typed rows that belong to partitions which were over before they came."""
        begin = self._open_since()
        if span is None or begin is None or span.first >= begin:
            return Late()
        contract = self.dataset.contract
        over = replace(span, last=begin)
        column = quote(str(contract.event_time))
        rows = connection.execute(
            f"select {over.key(contract)}, count(*) from {arrived}"
            f" where _reason is null and {column} < {over.bound(contract, begin)}"
            " group by 1 order by 1"
        ).fetchall()
        return Late(sum(n for _, n in rows), json.dumps([key for key, _ in rows]))

    def advance(
        self, connection: duckdb.DuckDBPyConnection, arrived: str, shard: str, now: datetime
    ) -> None:
        """Move on by the typed rows of a shard."""
        cadence, event = self.dataset.cadence, self.dataset.contract.event_time
        if cadence is None or event is None:
            return
        zone = UTC if is_zoned(self.dataset.contract) else ZoneInfo(cadence.zone)
        present = now.astimezone(zone).replace(tzinfo=None)
        row = connection.execute(
            f"select greatest(least(max({quote(event)})::timestamp, {_literal(present)}),"
            f" {_literal(datetime.combine(cadence.since, datetime.min.time()))}), count(*)"
            f" from {arrived} where _reason is null and {quote(event)} is not null"
        ).fetchone()
        if row is None or not row[1]:
            return
        newest = row[0].replace(tzinfo=zone).astimezone(UTC)
        known = self.shards.get(shard, (newest, now))[0]
        self.shards[shard] = max(known, newest), now
        active = [at for at, seen in self.shards.values() if seen >= now - cadence.idle_after]
        self.reached = max(min(active), self.reached or min(active))

    def newest(self, shard: str) -> datetime | None:
        """The newest event time of a shard."""
        return self.shards[shard][0] if shard in self.shards else None

    def _open_since(self) -> str | None:
        """The earliest partition that is not over; None while none is."""
        cadence = self.dataset.cadence
        if cadence is None or self.reached is None:
            return None
        settled = self.reached - cadence.late_for
        return cadence.key_of(settled) if settled >= _first(cadence) else None


def _first(cadence: Cadence) -> datetime:
    begin = datetime.combine(cadence.since, datetime.min.time())
    return begin.replace(tzinfo=ZoneInfo(cadence.zone)).astimezone(UTC)


def _literal(local: datetime) -> str:
    return f"timestamp {text(local.isoformat())}"
