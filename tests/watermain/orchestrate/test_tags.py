"""The names of runs, in words that people use."""

from __future__ import annotations

import pytest

from watermain.orchestrate.tags import (
    MOST_LETTERS,
    PARTITION,
    RUN,
    TEAM,
    WHY,
    asked,
    partition_tags,
    run_tags,
    span_text,
)

FLIGHTS, MOVEMENTS = ("operations", "raw", "flights"), ("operations", "raw", "movements")
CURATED = ("operations", "curated", "flights")
DELAYS = ("prediction", "features", "delays")


@pytest.mark.parametrize(
    ("paths", "tags", "name"),
    [
        ([FLIGHTS], {}, "capture operations.raw.flights"),
        ([FLIGHTS, MOVEMENTS], {}, "capture operations.raw (2)"),
        ([CURATED], {PARTITION: "2013-01-02"}, "publish operations.curated.flights [2013-01-02]"),
        ([CURATED, FLIGHTS], partition_tags("2013-01-02", "2013-01-05"),
         "publish operations (2) [2013-01-02..05]"),
        ([CURATED, DELAYS], {}, "publish datasets of several teams (2)"),
        ([["a"]], {}, "publish a"),
    ],
)  # fmt: skip
def test_a_run_is_named_after_what_it_does(
    paths: list[tuple[str, ...]], tags: dict[str, str], name: str
) -> None:
    """One dataset by its name, several by what they share, with the partitions."""
    assert run_tags(paths, tags)[RUN] == name


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2013-01-02", "2013-01-02", "2013-01-02"),
        ("2013-01-02", "2013-01-05", "2013-01-02..05"),
        ("2013-01-02", "2013-01-12", "2013-01-02..12"),
        ("2013-01-30", "2013-02-02", "2013-01-30..02-02"),
        ("2012-12-30", "2013-01-02", "2012-12-30..2013-01-02"),
        ("2013-01-02-03:00", "2013-01-02-05:00", "2013-01-02-03:00..05:00"),
        ("2013-01-01", "2013-03-01", "2013-01-01..03-01"),
    ],
)
def test_a_range_is_short_and_says_all(first: str, last: str, told: str) -> None:
    """What both ends begin with stands once."""
    assert span_text(partition_tags(first, last)) == told


def test_no_partition_is_no_text() -> None:
    """A table that is whole."""
    assert span_text({}) == ""


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({}, "somebody asked for it"),
        ({"dagster/sensor_name": "a", "dagster/from_automation_condition": "true"},
         "its inputs changed"),
        ({"dagster/sensor_name": "shop_streams"}, "the sensor shop_streams"),
        ({"dagster/schedule_name": "upkeep_daily"}, "the schedule upkeep_daily"),
        ({"dagster/backfill": "abcdefgh"}, "the backfill abcdefgh"),
        ({"dagster/parent_run_id": "0123456789abcdef"}, "run 01234567 again"),
    ],
)  # fmt: skip
def test_dagster_s_own_tags_tell_who_asked(tags: dict[str, str], why: str) -> None:
    """Where nobody has said why."""
    assert asked(tags) == run_tags([FLIGHTS], tags)[WHY] == why


def test_what_a_run_says_itself_stands() -> None:
    """Its own tags win, and its own reason is kept."""
    said = {WHY: "rain", "x": "y"}
    assert run_tags([FLIGHTS], said, "sun") == {
        RUN: "capture operations.raw.flights",
        TEAM: "operations",
        WHY: "rain",
        "x": "y",
    }


def test_a_run_of_checks_alone_says_why() -> None:
    """It has no assets to be named after."""
    assert run_tags([], {"dagster/schedule_name": "features"}) == {
        WHY: "the schedule features",
        "dagster/schedule_name": "features",
    }


def test_tags_fit_on_a_page() -> None:
    """Whatever a reason quotes."""
    assert len(run_tags([FLIGHTS], {}, "x" * 1000)[WHY]) == MOST_LETTERS
