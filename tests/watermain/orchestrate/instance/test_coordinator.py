"""No run is queued that cannot be; every run says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_representation.external import RemoteRepository
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._core.remote_representation.handle import RepositoryHandle
from dagster._core.run_coordinator.base import SubmitRunContext

from watermain.cli.look.runs import named_shortly
from watermain.declare.errors import InvalidPartitionError
from watermain.orchestrate.instance.coordinator import ConfiguredRunError
from watermain.orchestrate.instance.run_log import runs
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


nightly = dg.define_asset_job("nightly", dg.AssetSelection.assets(KEY))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance with our coordinator."""
    with dg.instance_for_test(overrides=COORDINATOR) as made:
        yield made


def served() -> RemoteRepository:
    """The definitions as the web server knows them."""
    definitions = dg.Definitions([days], jobs=[nightly]).get_repository_def()
    snap = RepositorySnap.from_def(definitions)
    return RemoteRepository(snap, RepositoryHandle.for_test(), auto_materialize_use_sensors=True)


def submitted(
    instance: dg.DagsterInstance, *, job: str = "__ASSET_JOB", **words: Any
) -> dict[str, str]:
    """The tags of a run after it was submitted, which leaves the state that it has."""
    selects = job == "__ASSET_JOB" and "asset_check_selection" not in words
    run = dg.DagsterRun(
        job_name=job,
        asset_selection=frozenset([KEY]) if selects else None,
        status=dg.DagsterRunStatus.STARTING,
        **words,
    )
    instance.add_run(run)
    workspace: Any = SimpleNamespace(asset_graph=served().asset_graph)
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
    (found,) = runs(instance, room=None, is_failed=False, limit=9)
    assert named_shortly(found) == "check shop.curated.days"


def test_a_run_of_a_schedule_says_what_its_job_is_of(instance: dg.DagsterInstance) -> None:
    """It selects nothing by itself."""
    tags = submitted(instance, job="nightly", tags={"dagster/schedule_name": "shop_nightly"})
    assert (tags[RUN], tags[WHY]) == ("publish shop.curated.days", "the schedule shop_nightly")
    (found,) = runs(instance, room=None, is_failed=False, limit=9)
    assert (found.datasets, found.is_check) == (("shop.curated.days",), False)


def test_runs_that_cannot_be_are_refused(instance: dg.DagsterInstance) -> None:
    """A partition that is none, settings of its own."""
    with pytest.raises(InvalidPartitionError, match="has no partition '2012-12-31'"):
        submitted(instance, tags={PARTITION: "2012-12-31"})
    with pytest.raises(ConfiguredRunError, match="a run takes no configuration"):
        submitted(instance, run_config={"ops": {"a": 1}})
