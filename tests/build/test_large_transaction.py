"""A transaction larger than the memory that captures it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.build.test_change_capture import Shop, bookings, shop

pytestmark = pytest.mark.campaign

__all__ = ["shop"]

PROGRAM = """
import resource
from platform_assets.build.ingest import capture
from platform_assets.build.publication import Job
from resources.lake import Lake
from tests.build.test_change_capture import KNOWN, bookings
capture(bookings, Job(lake=Lake.from_settings(), find=KNOWN.__getitem__))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
ENGINE_MEBIBYTES = 256
SPILL_MEBIBYTES = 64


def peak_mebibytes() -> int:
    """Capture what waits in a process of its own; give the most memory that it held."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.slow
def test_large_transaction_takes_no_more_memory_than_it_may(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 400 MB in one transaction no more is held than the engine's share with the spill's."""
    monkeypatch.setenv("WATERMAIN_MEMORY_LIMIT", f"{ENGINE_MEBIBYTES}MB")
    shop.book((4, 4, "small"))
    small = peak_mebibytes()
    shop.source.run(
        "insert into bookings"
        " select 100 + g, timestamp '2013-01-01' + mod(g, 5) * interval '1 day',"
        " repeat(md5(g::text), 31) from generate_series(1, 400000) g"
    )
    large = peak_mebibytes()
    assert shop.captured("count(*), count(distinct _xid)") == [(400_004, 2)]
    assert large - small < ENGINE_MEBIBYTES + 2 * SPILL_MEBIBYTES
    shop.capture(bookings)
    assert shop.captured("count(*)") == [(400_004,)]
