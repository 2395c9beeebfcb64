"""Schedules ask for what a dataset declares, with targets, names, partitions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from tests.watermain.engine.capture.test_lateness import Shards, events
from tests.watermain.engine.feed import Feed
from tests.watermain.engine.publish.test_scheduled import days
from watermain.declare import Daily, Dataset, Feature
from watermain.engine.capture.ingest import capture
from watermain.engine.plan.driven import is_left
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.schedules import (
    daily_schedule,
    declared_schedules,
    upkeep_schedule,
    verification_schedule,
)
from watermain.upkeep.raw import verifications

DAY, RAW = dg.AssetKey(days.name.key), dg.AssetKey(events.name.key)
AT = datetime(2013, 1, 10, 4, 15, tzinfo=UTC)
KNOWN = {d.name: d for d in (events, days)}


def ticked(
    dataset: Dataset, instance: dg.DagsterInstance, at: datetime = AT
) -> tuple[list[dg.RunRequest], str | None]:
    """What the schedule of a dataset asks for at an instant, or why for nothing."""
    (schedule,) = declared_schedules([dataset], KNOWN.__getitem__)
    context = dg.build_schedule_context(instance, scheduled_execution_time=at)
    said = schedule.evaluate_tick(context)
    return list(said.run_requests or []), said.skip_message


def test_only_what_declares_a_schedule_has_one() -> None:
    """It runs in the zone of the cadence, and changes of inputs no longer drive the dataset."""
    assert declared_schedules([events, replace(days, schedule=None)], KNOWN.__getitem__) == []
    there = replace(days, cadence=Daily(zone="America/New_York"))
    (schedule,) = declared_schedules([there], KNOWN.__getitem__)
    assert (schedule.name, schedule.cron_schedule) == ("shop_curated_days", "15 4 * * *")
    assert schedule.execution_timezone == "America/New_York"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert is_left(days)
    assert not is_left(replace(days, schedule=None))


def test_a_retired_feature_table_rests() -> None:
    """Nobody computes it any more."""
    feature = Feature(entity=("id",), version=1, state="retired")
    contract = replace(days.contract, key=("id", "at"))
    retired = replace(days, feature=feature, contract=contract)
    assert declared_schedules([retired], KNOWN.__getitem__) == []


def test_a_captured_dataset_is_captured_then() -> None:
    """Whatever waits; the source being away is the run's to tell."""
    with dg.instance_for_test() as instance:
        (asked,), _ = ticked(replace(events, schedule="15 4 * * *"), instance)
    assert asked.asset_selection == [RAW]
    assert asked.run_key == "2013-01-10T04:15:00+00:00"
    told = {key: asked.tags[f"watermain/{key}"] for key in ("run", "team", "why")}
    why = "its schedule, 15 4 * * *"
    assert told == {"run": "capture shop.raw.events", "team": "shop", "why": why}


def test_a_computed_dataset_is_asked_for_in_few_runs(lake: Lake) -> None:
    """A range for each row of partitions that has a reason."""
    instants = [f"2013-01-0{day} 10:00" for day in (2, 3, 8)]
    job = Job(lake=lake, find=KNOWN.__getitem__)
    capture(events, job, source=Feed(Shards().batch(*instants)))
    with dg.instance_for_test() as instance:
        asked, _ = ticked(days, instance)
        again, _ = ticked(days, instance)
    assert [r.tags["watermain/run"] for r in asked] == [
        "publish shop.curated.days [2013-01-02..03]",
        "publish shop.curated.days [2013-01-08..09]",
    ]
    ends = [f"dagster/asset_partition_range_{end}" for end in ("start", "end")]
    assert [asked[0].tags[end] for end in ends] == ["2013-01-02", "2013-01-03"]
    assert {tuple(r.asset_selection or ()) for r in asked} == {(DAY,)}
    assert [r.run_key for r in again] == [r.run_key for r in asked]  # Dagster takes each key once
    assert len({r.run_key for r in asked}) == 2


def test_a_table_without_partitions_is_asked_for_whole() -> None:
    """One run without partitions."""
    with dg.instance_for_test() as instance:
        (asked,), _ = ticked(replace(days, cadence=None), instance)
    assert asked.tags["watermain/run"] == "publish shop.curated.days"
    assert not [tag for tag in asked.tags if tag.startswith("dagster/asset_partition")]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_no_second_run_is_asked_for(status: dg.DagsterRunStatus) -> None:
    """One that takes longer than its schedule is left alone."""
    run = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset([DAY]), status=status)
    with dg.instance_for_test() as instance:
        instance.add_run(run)
        assert ticked(days, instance) == ([], "a run of it is under way")
        other = dg.AssetKey(["shop", "curated", "other"])
        instance.delete_run(run.run_id)
        instance.add_run(run._replace(asset_selection=frozenset([other])))
        assert ticked(replace(days, cadence=None), instance)[0]


def test_before_the_first_partition_ends_nothing_is_asked_for() -> None:
    """The cadence begins next month."""
    later = replace(days, cadence=Daily(start=date(2013, 2, 1)))
    with dg.instance_for_test() as instance:
        assert ticked(later, instance)[0] == []
        assert ticked(later, instance, AT + timedelta(days=22))[0] == []


def test_the_platform_s_own_schedules_name_what_they_run() -> None:
    """Their runs have targets."""
    found = [*verification_schedule("upkeep", [verifications]),
             *upkeep_schedule("upkeep", [verifications])]  # fmt: skip
    for schedule in found:
        (asked,) = schedule.evaluate_tick(dg.build_schedule_context()).run_requests or []
        assert asked.asset_selection
        assert asked.tags["watermain/team"] == "upkeep"
        assert asked.tags["watermain/why"] == f"the schedule {schedule.name}"
    assert daily_schedule("shop", [events, days]) == []
