"""The sensor that replays by itself: once for each change, only where something waits."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from tests.faults import aside
from tests.watermain.engine.feed import Feed, changes
from watermain.declare import Dataset, Quarantine
from watermain.engine.capture.ingest import capture
from watermain.engine.code.code import code_version
from watermain.engine.code.former_code import former_code_version
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.replays import replay_sensors
from watermain.orchestrate.tags import RANGE_END, RANGE_START, WHY


def by_itself(dataset: Dataset) -> Dataset:
    """The same, whose quarantine replays."""
    contract = replace(dataset.contract, quarantine=Quarantine(replays=True))
    return replace(dataset, contract=contract)


def tick(dataset: Dataset, cursor: str | None) -> tuple[list[dg.RunRequest], str | None, str]:
    """What the sensor asks for, where it stands afterwards, what it says."""
    (sensor,) = replay_sensors([dataset])
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        said = sensor.evaluate_tick(context)
    return list(said.run_requests or []), said.cursor, str(said.skip_message)


def test_only_a_declaration_that_says_so_has_a_sensor() -> None:
    """Whoever wants to look first does."""
    computed = replace(by_itself(aside.sales(0)), checks=())
    assert replay_sensors([aside.events, aside.sales(0), computed]) == []
    assert len(replay_sensors([by_itself(aside.events), by_itself(aside.sales(0))])) == 2


@pytest.mark.parametrize(
    "cursor", [None, code_version(aside.events), former_code_version(by_itself(aside.events))]
)
def test_nothing_is_asked_for_before_a_change(cursor: str | None) -> None:
    """Rows that did not fit would not fit now."""
    requests, after, said = tick(by_itself(aside.events), cursor)
    assert requests == []
    assert after == code_version(aside.events)
    assert said in ("seen for the first time", "contract, checks, code are as they were")


def test_change_asks_for_one_replay_where_rows_wait(lake: Lake) -> None:
    """A captured dataset is replayed whole, a computed one by its partitions."""
    before = "another version"
    assert tick(by_itself(aside.events), before)[2] == "nothing lies in quarantine"
    job = Job(lake=lake, find={}.__getitem__)
    capture(aside.events, job, source=Feed(changes(aside.GIVEN)))
    (request,), after, _ = tick(by_itself(aside.events), before)
    assert request.tags["watermain/replay"] == "true"
    assert request.asset_selection == [dg.AssetKey(aside.events.name.key)]
    assert request.tags[WHY] == "rows in quarantine may fit now"
    assert RANGE_START not in request.tags
    assert after == code_version(aside.events)
    aside.perform("-2", lake)
    (request,), _, _ = tick(by_itself(aside.sales(-2)), before)
    assert {request.tags[name] for name in (RANGE_START, RANGE_END)} == {"2013-01-01"}
