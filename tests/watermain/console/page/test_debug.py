"""What whoever looks for the mistake sees of the ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.watermain.console.seeded import SeededPlatform
from tests.watermain.engine.promise.promises import june
from watermain.clock import micros
from watermain.console.asked import LedgerAnswer
from watermain.console.page.debug import MOST_OF_PLACE, debug, positions, repeats
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.settings import load_settings

NOW = june(20, 12)
RAW, OTHER = "operations.raw.fees", "weather.raw.reports"
FACTS = LedgerAnswer(
    publishes={},
    repeats=(
        {"stream": RAW, "bucket": 0, "batches": 9},
        {"stream": RAW, "bucket": 4, "batches": 1},
        {"stream": OTHER, "bucket": 1, "batches": 2},
    ),
    streams=tuple(
        {
            "stream": name,
            "shard": "s",
            "position": "p" * 99,
            "committed_at": micros(june(20)),
            "batches": 1,
            "rows": 2,
            "rows_aside": 0,
            "repeated": None,
            "late": None,
        }
        for name in (RAW, OTHER)
    ),
)


@pytest.fixture
def seeded(home: Path, lake: Lake) -> SeededPlatform:
    """A month of verdicts."""
    made = SeededPlatform(home, str(load_settings().postgres), NOW)
    made.judged()
    return made


def test_repeats_are_counted_in_buckets() -> None:
    """Of the streams that are asked for."""
    assert repeats(FACTS, [RAW]) == {RAW: [9, 0, 0, 0, 1]}
    assert repeats(FACTS, []) == {}
    assert repeats(None, [RAW]) == {}


def test_long_positions_are_cut() -> None:
    """`watermain explain` has the whole."""
    (found,) = positions(FACTS, [OTHER])
    assert found["position"] == "p" * MOST_OF_PLACE + "…"
    assert found["committed_at"] == june(20)


def test_dataset_is_shown_with_the_streams_it_is_made_of(seeded: SeededPlatform) -> None:
    """A mart two steps below its source; another stream is none of it."""
    sight = seeded.sight(lambda: FACTS)
    found = debug(sight, DatasetName.parse("operations.marts.fct_fees"))
    assert found is not None
    assert list(found["repeats"]) == [RAW]
    assert [each["stream"] for each in found["positions"]] == [RAW]
    assert found["lineage"] == {"above": ["operations.curated.late_fees"], "below": []}
    assert found["lags"] == []


def test_without_a_choice_every_stream_is_shown(seeded: SeededPlatform) -> None:
    """Those of rooms that told nothing, too."""
    found = debug(seeded.sight(lambda: FACTS), None)
    assert found is not None
    assert set(found["repeats"]) == {RAW, OTHER}
    assert found["lineage"] is None


def test_lag_of_partitions_is_told_newest_first(seeded: SeededPlatform) -> None:
    """What has not come has none."""
    found = debug(seeded.sight(), DatasetName.parse("operations.curated.late_fees"))
    assert found is not None
    lags = found["lags"]
    assert [(each.partition, each.lag is None) for each in lags[:3]] == [
        ("2026-06-19", True),
        ("2026-06-18", True),
        ("2026-06-17", False),
    ]
    assert lags[2].lag.total_seconds() == -3600
    assert all(each.is_judged for each in lags)


def test_unknown_dataset_has_no_page(seeded: SeededPlatform) -> None:
    """Nor has one of a room that told nothing."""
    assert debug(seeded.sight(), DatasetName.parse(OTHER)) is None
    assert debug(seeded.sight(lambda: replace(FACTS, streams=())), None) is not None
