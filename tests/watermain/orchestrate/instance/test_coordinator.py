"""No run is queued that cannot be; every run says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.run_coordinator.base import SubmitRunContext

from watermain.declare.errors import InvalidPartitionError
from watermain.orchestrate.instance.coordinator import ConfiguredRunError
from watermain.orchestrate.tags import PARTITION, RUN, TEAM, WHY

KEY = dg.AssetKey(["shop", "curated", "days"])
COORDINATOR = {
    "run_coordinator": {
        "module": "watermain.orchestrate.instance.coordinator",
        "class": "CheckedRunCoordinator",
    }
}


@dg.asset(key=KEY, partitions_def=dg.DailyPartitionsDefinition("2013-01-01"))
def days() -> None:
    """Days of the shop."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance with our coordinator."""
    with dg.instance_for_test(overrides=COORDINATOR) as made:
        yield made


def submitted(instance: dg.DagsterInstance, **words: Any) -> dict[str, str]:
    """The tags of a run after it was submitted, which leaves the state that it has."""
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        asset_selection=None if "asset_check_selection" in words else frozenset([KEY]),
        status=dg.DagsterRunStatus.STARTING,
        **words,
    )
    instance.add_run(run)
    graph = dg.Definitions([days]).resolve_asset_graph()
    workspace: Any = SimpleNamespace(asset_graph=graph)
    instance.run_coordinator.submit_run(SubmitRunContext(run, workspace))
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return dict(found.tags)


def test_every_run_says_what_it_is(instance: dg.DagsterInstance) -> None:
    """Also one that a person launched in the UI; it can be found by these tags."""
    tags = submitted(instance, tags={PARTITION: "2013-01-02"})
    name = "publish shop.curated.days [2013-01-02]"
    assert (tags[RUN], tags[TEAM], tags[WHY]) == (name, "shop", "somebody asked for it")
    assert instance.get_runs_count(dg.RunsFilter(tags={RUN: name})) == 1


def test_what_a_sensor_said_stands(instance: dg.DagsterInstance) -> None:
    """The coordinator adds what is missing."""
    tags = submitted(instance, tags={WHY: "3 files wait"})
    assert (tags[RUN], tags[WHY]) == ("publish shop.curated.days", "3 files wait")


def test_a_run_of_checks_says_whose_they_are(instance: dg.DagsterInstance) -> None:
    """It materializes nothing."""
    checks = frozenset([dg.AssetCheckKey(KEY, "drift"), dg.AssetCheckKey(KEY, "parity")])
    tags = submitted(instance, asset_check_selection=checks)
    assert (tags[RUN], tags[TEAM]) == ("check shop.curated.days", "shop")


def test_runs_that_cannot_be_are_refused(instance: dg.DagsterInstance) -> None:
    """A partition that is none, settings of its own."""
    with pytest.raises(InvalidPartitionError, match="has no partition '2012-12-31'"):
        submitted(instance, tags={PARTITION: "2012-12-31"})
    with pytest.raises(ConfiguredRunError, match="a run takes no configuration"):
        submitted(instance, run_config={"ops": {"a": 1}})
