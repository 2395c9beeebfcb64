"""The planner as Dagster's sensor asks for each run once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import ibis
import pytest

from tests.watermain.engine.capture.test_lateness import DAYS, Shards, events
from tests.watermain.engine.feed import Feed
from watermain.clock import Clock
from watermain.declare import dataset, row_count
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.attempt import Attempts
from watermain.engine.publish.publish import Job
from watermain.lake.lake import Lake
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.sensors.planner import planner_sensor
from watermain.orchestrate.tags import PLAN, RANGE_END, RANGE_START, WHY
from watermain.settings import set_variables

WORDS = {"contract": events.contract, "cadence": DAYS, "owner": "team:shop"}


@dataset("shop.curated.days", inputs={"events": "shop.raw.events"}, **WORDS)
def days(events: ibis.Table) -> ibis.Table:
    """Read the events of a day."""
    return events.select("id", "at")


@dataset("shop.curated.far", inputs={"days": "shop.curated.days"}, **WORDS)
def far(days: ibis.Table) -> ibis.Table:
    """Read what is read."""
    return days


class Platform:
    """A room over a lake, with a Dagster that evaluates its planner."""

    def __init__(self, lake: Lake, instance: dg.DagsterInstance) -> None:
        self.lake, self.instance, self.cursor = lake, instance, ""
        self.given = Shards()
        self.declare(days, far)

    def declare(self, *computed: object) -> None:
        """Let the room declare these."""
        self.known = {d.name: d for d in (events, *computed)}  # type: ignore[attr-defined]
        assets = [asset_for(d, self.known.__getitem__) for d in self.known.values()]
        self.definitions = dg.Definitions(assets, resources={"lake": self.lake})
        found = planner_sensor("shop", list(self.known.values()), lambda: self.known)
        (self.sensor,) = found

    def came(self, *instants: str) -> None:
        """Capture events."""
        job = Job(lake=self.lake, find=self.known.__getitem__)
        capture(events, job, source=Feed(self.given.batch(*instants)))

    def tick(self, *, saved: bool = True) -> list[dg.RunRequest]:
        """Let the daemon evaluate the sensor once; it may die before the cursor is saved."""
        context = dg.build_sensor_context(self.instance, self.cursor, definitions=self.definitions)
        said = self.sensor.evaluate_tick(context)
        self.said = said.skip_message or ""
        if saved:
            self.cursor = said.cursor or self.cursor
        return list(said.run_requests or [])

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Do what was asked for, in this process."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=list(request.asset_selection or []),
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            raise_on_error=False,
        )


@pytest.fixture
def platform(lake: Lake) -> Iterator[Platform]:
    """A platform that has not begun."""
    with dg.instance_for_test() as instance:
        yield Platform(lake, instance)


def told(requests: list[dg.RunRequest]) -> list[tuple[list[str], str, str]]:
    """The tables, the first and the last partition of each request."""
    return [
        (
            sorted(k.path[-1] for k in r.asset_selection or []),
            r.tags[RANGE_START],
            r.tags[RANGE_END],
        )
        for r in requests
    ]


def test_late_rows_ask_for_exactly_their_day_of_all_that_reads_it(platform: Platform) -> None:
    """One run for the chain, by name, and then nothing until more comes."""
    assert platform.tick() == []
    platform.came("2013-01-02 10:00", "2013-01-03 10:00", "2013-01-06 10:00")
    asked = platform.tick()
    assert told(asked) == [
        (["days", "far"], "2013-01-02", "2013-01-03"),
        (["days", "far"], "2013-01-06", "2013-01-06"),
    ]
    assert asked[0].tags[WHY] == "shop.curated.days 2013-01-02 was never published, and 3 more"
    assert [platform.run(r).success for r in asked] == [True, True]
    assert platform.tick() == []
    platform.came("2013-01-02 11:00")
    set_variables({"WATERMAIN_REST_SECONDS": "0"})
    (late,) = platform.tick()
    assert told([late]) == [(["days", "far"], "2013-01-02", "2013-01-02")]
    assert late.tags[WHY] == "shop.curated.days 2013-01-02 has new inputs, and 1 more"
    assert platform.run(late).success
    assert (platform.tick(), platform.said) == ([], "nothing is stale")
    assert (platform.tick(), platform.said) == ([], "nothing changed")


def test_planner_that_dies_after_its_decision_asks_for_the_same_run(platform: Platform) -> None:
    """The cursor was not saved and no run exists: the same key again, once the run is missed."""
    platform.came("2013-01-02 10:00")
    (first,) = platform.tick(saved=False)
    assert platform.tick(saved=False) == []  # the run may be on its way
    attempts = Attempts(platform.lake.dsn())
    kept = attempts.of([days.name, far.name])
    past = Clock().now() - timedelta(minutes=5)
    attempts.write({pair: replace(a, at=past) for pair, a in kept.items()})
    (again,) = platform.tick()
    assert again.run_key == first.run_key
    assert platform.run(again).success
    assert platform.tick() == []


def test_planner_that_dies_after_the_run_was_made_asks_for_nothing(platform: Platform) -> None:
    """The run is there, by its key."""
    platform.came("2013-01-02 10:00")
    (first,) = platform.tick(saved=False)
    assert platform.run(first).success
    assert platform.tick() == []


def test_run_under_way_is_waited_for_whoever_asked_for_it(platform: Platform) -> None:
    """A person's run of the same day is not doubled."""
    platform.came("2013-01-02 10:00")
    run = platform.instance.create_run_for_job(
        platform.definitions.resolve_implicit_global_asset_job_def(),
        status=dg.DagsterRunStatus.STARTED,
        tags={RANGE_START: "2013-01-01", RANGE_END: "2013-01-04"},
        asset_selection=frozenset({dg.AssetKey(days.name.key)}),
    )
    assert platform.tick() == []
    assert "1 runs" in platform.said
    platform.instance.report_run_failed(run)
    assert told(platform.tick()) == [(["days", "far"], "2013-01-02", "2013-01-02")]


def test_refused_day_is_asked_for_once_and_holds_its_reader_back(platform: Platform) -> None:
    """The check's outlook stands until rows or code change; the reason is told."""
    strict = replace(days, checks=(row_count(low=2),))
    platform.declare(strict, far)
    platform.came("2013-01-02 10:00")
    (first,) = platform.tick()
    assert not platform.run(first).success
    assert platform.tick() == []
    assert "shop.curated.days 2013-01-02: refused by row_count" in platform.said
    platform.came("2013-01-02 11:00")
    (second,) = platform.tick()
    assert platform.run(second).success
    assert platform.tick() == []


def test_failed_run_is_tried_again_under_another_key_and_later(platform: Platform) -> None:
    """Never at once; the second try is another run."""
    broken = replace(days, body=lambda events: 1 / 0)
    platform.declare(broken, far)
    platform.came("2013-01-02 10:00")
    (first,) = platform.tick()
    assert not platform.run(first).success
    assert platform.tick() == []
    assert "failed; tried again at" in platform.said
    runs = platform.instance.get_run_records(dg.RunsFilter(tags={PLAN: str(first.run_key)}))
    assert len(runs) == 1


def test_two_daemons_ask_for_one_run(platform: Platform) -> None:
    """Both see the same stale day; the second finds it asked for."""
    platform.came("2013-01-02 10:00")
    (one,) = platform.tick(saved=False)
    other = dg.build_sensor_context(
        platform.instance, platform.cursor, definitions=platform.definitions
    )
    assert not platform.sensor.evaluate_tick(other).run_requests
    assert platform.run(one).success


def test_room_that_computes_nothing_has_no_planner() -> None:
    """There is nothing to ask for."""
    assert planner_sensor("shop", [events]) == []
