"""Dagster's view of a promise is never red where the promise is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from watermain.declare import Cadence, Daily, Hourly, Monthly, Slo
from watermain.orchestrate.policy import freshness


@pytest.mark.parametrize(
    ("cadence", "longest"),
    [
        (Daily(zone="America/New_York"), timedelta(hours=25)),
        (Hourly(), timedelta(hours=1)),
        (Monthly(), timedelta(days=31, hours=1)),
    ],
)
def test_freshness_is_missed_by_no_rhythm_that_keeps_the_promise(
    cadence: Cadence, longest: timedelta
) -> None:
    """A publish in each partition, as late as promised, is neither late nor a warning before."""
    slo = Slo(ready_within=timedelta(hours=1))
    found = freshness(slo, cadence)
    assert isinstance(found, TimeWindowFreshnessPolicy)
    assert found.fail_window.to_timedelta() == longest + slo.ready_within
    assert found.warn_window is not None
    assert longest < found.warn_window.to_timedelta() < found.fail_window.to_timedelta()


def test_table_without_partitions_has_no_freshness_by_the_clock() -> None:
    """Without news it is as fresh as it can be: Dagster would call it late for ever."""
    assert freshness(Slo(ready_within=timedelta(days=1)), None) is None
    assert freshness(None, Daily()) is None
