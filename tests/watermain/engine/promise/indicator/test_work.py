"""What it takes to keep a dataset has known answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.watermain.engine.promise.indicator.ledger_rows import FLIGHTS, NOW, publish
from watermain.engine.promise.indicator.indicator import Ratio
from watermain.engine.promise.indicator.work import (
    GB,
    MONTH,
    Prices,
    backlog,
    cost_per_gb,
    error_rate,
)
from watermain.engine.publish.attempt import Attempt
from watermain.source.protocol import Backlog

PRICES = Prices(hour=2.0, gb_month=0.5)


@pytest.mark.parametrize(
    ("state", "tries", "is_published", "expected"),
    [
        ("asked", 1, True, Ratio(0, 1)),
        ("asked", 3, True, Ratio(2, 3)),
        ("asked", 1, False, Ratio(0, 0)),
        ("asked", 3, False, Ratio(2, 2)),
        ("failed", 1, False, Ratio(1, 1)),
        ("held", 5, False, Ratio(5, 5)),
        ("failed", 2, True, Ratio(1, 2)),
        ("lost", 2, False, Ratio(1, 1)),
    ],
)
def test_error_rate_counts_hidden_retries(state, tries, is_published, expected):
    """What was published at the third try failed twice; what is under way has not failed yet."""
    pair = (FLIGHTS, "2026-11-29")
    attempt = Attempt(wanted="v", tries=tries, state=state, why="", run="r", at=NOW)
    assert error_rate({pair: attempt}, {pair} if is_published else set()) == expected


def test_cost_per_gb_is_work_with_keeping():
    """An hour at 2, and 10 GB for a month at 0.5 each, over 4 GB published: 7 over 4."""
    publishes = [publish(size=3 * GB, seconds=1800), publish(size=GB, seconds=1800)]
    assert cost_per_gb(publishes, 10 * GB, MONTH, PRICES) == pytest.approx(1.75)
    half = cost_per_gb(publishes, 10 * GB, MONTH / 2, PRICES)
    assert half == pytest.approx(4.5 / 4)
    assert cost_per_gb([], 10 * GB, timedelta(days=1), PRICES) is None


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        (Backlog(rows=3, files=1, bytes=900), (3, "rows")),
        (Backlog(rows=0), (0, "rows")),
        (Backlog(files=2, bytes=900), (2, "files")),
        (Backlog(bytes=900), (900, "bytes")),
        (Backlog(), None),
    ],
)
def test_backlog_is_in_the_finest_unit_known(waits, expected):
    """Nothing that waits is 0; what a source cannot tell is None."""
    assert backlog(waits) == expected
