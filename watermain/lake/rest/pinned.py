"""Snapshots that stay as long as somebody needs them, whatever their age."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from watermain.lake.catalog import unreachable
from watermain.lake.lake import Lake

DDL = """
create table if not exists watermain.pin (
    snapshot bigint primary key, why text not null, until timestamptz not null
)"""
_PIN = """
insert into watermain.pin values (%s, %s, now() + %s)
on conflict (snapshot) do update set why = excluded.why,
    until = greatest(watermain.pin.until, excluded.until)
"""
# A stream's checkpoint is read on from the snapshot behind it.
NEEDED = """
select max(snapshot_id) from ducklake_snapshot
union select base_snapshot from watermain.branch
union select snapshot from watermain.checkpoint
union select min(s.snapshot_id) from ducklake_snapshot s, watermain.checkpoint c
    where s.snapshot_id > c.snapshot group by c.stream
union select snapshot from watermain.pin where until > now()
"""


def pin(lake: Lake, snapshot: int, why: str, length: timedelta) -> None:
    """Keep a snapshot of the lake for so long from now; a longer wish that stands already holds.

    Guarantees: a branch keeps all of its snapshots, and nothing is done.
    Raises: UnreachableSystemError.
    """
    if lake.branch:
        return
    try:
        with psycopg.connect(lake.dsn()) as connection:
            connection.execute(DDL)
            connection.execute(_PIN, (snapshot, why, length))
    except psycopg.OperationalError as error:
        raise unreachable(
            error, data=f"snapshot {snapshot} is kept no longer than others"
        ) from error
