"""A transaction larger than the memory that captures it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.watermain.engine.capture.test_change_capture import Shop, bookings, shop

__all__ = ["shop"]

PROGRAM = """
import resource
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake
from tests.watermain.engine.capture.test_change_capture import KNOWN, bookings
capture(bookings, Job(lake=Lake.from_settings(), find=KNOWN.__getitem__))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
ENGINE_MEBIBYTES = 128
SPILL_MEBIBYTES = 64


def peak_mebibytes() -> int:
    """Capture what waits in a process of its own; give the most memory that it held."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def insert(shop: Shop, first: int, rows: int) -> None:
    """One transaction of a kilobyte per row."""
    shop.source.run(
        "insert into bookings"
        f" select {first} + g, timestamp '2013-01-01' + mod(g, 5) * interval '1 day',"
        f" repeat(md5(g::text), 31) from generate_series(1, {rows}) g"
    )


@pytest.mark.slow
def test_larger_transaction_takes_no_more_memory(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 230 MB in one transaction hardly more is held than of 70 MB, which spills, too."""
    monkeypatch.setenv("WATERMAIN_MEMORY_LIMIT", f"{ENGINE_MEBIBYTES}MB")
    shop.capture(bookings)
    before = shop.captured("count(*)")[0][0]
    insert(shop, 1_000, 70_000)
    half = peak_mebibytes()
    insert(shop, 1_000_000, 230_000)
    whole = peak_mebibytes()
    assert shop.captured("count(*)") == [(before + 300_000,)]
    assert whole - half < 2 * SPILL_MEBIBYTES, (half, whole)
    shop.capture(bookings)
    assert shop.captured("count(*)") == [(before + 300_000,)]
