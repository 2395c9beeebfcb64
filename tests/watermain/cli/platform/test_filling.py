"""What the first fill leaves out, how a failed run of it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.watermain.engine.publish.test_publish import events
from tests.watermain.engine.publish.test_publish import sales as publish_sales
from tests.watermain.engine.shop import give, sales
from watermain.cli.platform.filling import TODAY, _left, _span, failed, met, sound
from watermain.cli.platform.up import _is_other
from watermain.cli.run.plan import Run
from watermain.declare.errors import BrokenContractError, BrokenRoomError, UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.process.web import _cause

RUN = Run(names=(DatasetName.parse("shop.curated.sales"),))
AWAY = (
    "watermain.declare.errors.UnreachableSystemError: the lake's store s3://b does not"
    " serve us: GET of f.parquet: timeout\n  declared  x\n  data      y\n  next      z\n"
)


@pytest.mark.parametrize(
    ("reason", "kind", "cause"),
    [
        (AWAY, UnreachableSystemError, "the lake's store s3://b does not serve us: GET of f."),
        ("1 of 3 rows have null `id`\n  declared  x", BrokenContractError, "1 of 3 rows have"),
        ("\n\nlate words", BrokenContractError, "late words"),
        ("Error occurred while executing op:\n\nKeyError: 'x'", BrokenContractError, "KeyError"),
        (" \n ", BrokenContractError, "the run tells no reason"),
    ],
)
def test_cause_stands_behind_the_colon(reason: str, kind: type[Exception], cause: str) -> None:
    """Whatever a run tells: its kind, its words, never nothing."""
    assert met(reason)[0] is kind
    error = failed(RUN, "0123456789", [reason], "http://here")
    assert type(error) is kind
    assert cause in error.what.partition(" failed: ")[2]


def test_rooms_that_do_not_load_are_left_out_with_what_reads_them() -> None:
    """The others are materialized all the same."""
    raw, sold = (DatasetName.parse(f"shop.{n}") for n in ("raw.events", "curated.sales"))
    other = DatasetName.parse("yard.curated.visits")
    known = {
        raw: replace(
            events, name=raw, unloaded=BrokenRoomError("a", declared="", data="", next="")
        ),
        sold: replace(publish_sales, name=sold, inputs={"events": raw}),
        other: replace(
            publish_sales, name=other, inputs={"events": DatasetName.parse("yard.raw.visits")}
        ),
    }
    assert [*sound(known)] == [other]
    assert [*sound(known, dark=["yard"])] == []
    assert [*sound({other: known[other]}, dark=["yard"])] == []  # yard never loaded
    assert [*sound({n: replace(d, unloaded=None) for n, d in known.items()})] == [*known]


def test_cause_is_what_the_step_met() -> None:
    """Dagster's own wrapping is told only when there is nothing within."""
    wrapped = {"message": "DagsterExecutionStepExecutionError: ...", "causes": [{"message": AWAY}]}
    assert _cause(wrapped) == AWAY
    assert _cause({"message": "alone", "causes": []}) == "alone"
    assert _cause({}) == ""


def test_only_what_is_missing_is_computed(lake: Lake) -> None:
    """Days that stand are left out at the beginning of a run's range; all of them leave no run."""
    made = sales([("a", 1, 5), ("b", 3, 7)])
    give(lake, made, "2013-01-01", "2013-01-03")
    known = {made.name: made}
    month = Run(names=(made.name,), first="2013-01-01", last="2013-01-05")
    assert _left(month, known) == Run(names=(made.name,), first="2013-01-04", last="2013-01-05")
    assert _left(Run(names=(made.name,), first="2013-01-01", last="2013-01-03"), known) is None


def test_today_ends_the_range_in_the_zone_of_the_calendar() -> None:
    made = sales([])
    assert made.cadence is not None
    before = made.cadence.key_of(datetime.now(UTC))
    found = _span([made], TODAY)
    assert found.first == "2013-01-01"
    assert found.last in (before, made.cadence.key_of(datetime.now(UTC)))
    assert _span([made], "2013-01-31").last == "2013-01-31"


@pytest.mark.parametrize(
    ("asked", "loaded", "other"),
    [
        ([], TODAY, False),
        ([], "2013-01-31", False),
        (["--days", "3"], TODAY, False),
        (["--days", "3"], "2013-01-31", True),
        (["--as-recorded", "--until", "2013-01-31"], "2013-01-31", False),
        (["--as-recorded", "--until", "2013-02-28"], "2013-01-31", True),
        (["--as-recorded", "--until", "2013-01-31"], TODAY, True),
    ],
)
def test_demo_is_asked_only_for_days_that_are_not_there(
    asked: list[str], loaded: str, *, other: bool
) -> None:
    assert _is_other(asked, loaded) is other
