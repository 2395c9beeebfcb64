"""The partner's weekly updates: what breaks goes aside with its reason, the rest arrives."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from demo.drop import drop_files, drop_weekly
from platform_assets.operations import curated, raw
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.lake import ledger, quarantine
from watermain.lake.lake import Lake, table


@pytest.fixture
def job(lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The reference files, with the updates of January, all still for long enough."""
    drop = home / "drop"
    monkeypatch.setenv("WATERMAIN_SOURCE_PARTNER_DROP", str(drop))
    days = [date(2013, 1, 1) + timedelta(days=n) for n in range(31)]
    for number, path in enumerate([*drop_files(drop), *drop_weekly(drop, days)]):
        os.utime(path, (number, number))
    known = {d.name: d for d in (raw.airports, curated.airports)}
    return Job(lake=lake, find=known.__getitem__)


def test_broken_deliveries_go_aside_with_their_reason(job: Job) -> None:
    """A row whose altitude is no number; a file without the column, as a whole."""
    capture(raw.airports, job)
    with job.lake.get_connection() as connection:
        rows = quarantine.listed(connection, "operations.raw.airports")
        counts = connection.execute(
            "select sum(rows_in), sum(rows), sum(quarantined), count(*)"
            f" from {ledger.BATCHES} where stream = 'operations.raw.airports'"
        ).fetchone()
    assert sorted((row["position"], row["reason"]) for row in rows) == [
        ("4", "`alt` is not int32"),
        ("4", "`alt` is not int32"),
        ("airports-2013-01-07.csv", "its header lacks `alt`"),
        ("airports-2013-01-21.csv", "its header lacks `alt`"),
    ]
    assert counts == (1458 + 2 * 4 + 2, 1458 + 2 * 3, 4, 5)


def test_broken_deliveries_change_no_airport(job: Job) -> None:
    """What arrived whole says again what was known."""
    capture(raw.airports, job)
    publish(curated.airports, None, job).refuse_blocked()
    with job.lake.get_connection() as connection:
        found = connection.execute(
            "select count(*), sum(altitude_feet), max(altitude_feet) filter (faa = 'EWR')"
            f" from {table(curated.airports.name)}"
        ).fetchone()
        first = connection.execute(
            f"select count(*), sum(alt) from {table(raw.airports.name)}"
            " where _file = 'airports.csv'"
        ).fetchone()
    assert first is not None
    assert found == (*first, 18)
