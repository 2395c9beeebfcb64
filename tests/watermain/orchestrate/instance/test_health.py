"""What went wrong lately is told, what was mended is not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._utils.error import SerializableErrorInfo

from watermain.orchestrate.instance.health import failed_runs, failing_ticks

HOUR = timedelta(hours=1)


@dg.asset
def broken() -> None:
    """Fail."""
    raise ValueError("no")


def test_failed_runs_are_those_that_nobody_tried_again() -> None:
    """A retry speaks for the run that it repeats."""
    with dg.instance_for_test() as instance:
        job = dg.Definitions([broken]).resolve_implicit_global_asset_job_def()
        for tags in ({}, {AUTO_RETRY_RUN_ID_TAG: "another"}):
            last = job.execute_in_process(
                instance=instance,
                tags=tags,
                raise_on_error=False,
                asset_selection=[broken.key],
            )
        assert not last.success
        (found,) = failed_runs(instance, datetime.now(UTC) - HOUR)
        assert failed_runs(instance, datetime.now(UTC) + HOUR) == []
    assert found.targets == ("broken",)
    assert found.run_id != last.run_id
    assert abs(found.failed_at - datetime.now(UTC)) < HOUR


def sensor(name: str) -> RemoteInstigatorOrigin:
    """The origin of a sensor of the room `shop`."""
    target = LoadableTargetOrigin(module_name="shop")
    location = InProcessCodeLocationOrigin(target, location_name="shop")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)


def watched(instance: dg.DagsterInstance, name: str, *statuses: TickStatus) -> None:
    """Let a sensor of the room `shop` have ticks, one after another."""
    origin = sensor(name)
    kind = dg._core.definitions.run_request.InstigatorType.SENSOR
    state = InstigatorState(origin, kind, InstigatorStatus.RUNNING, SensorInstigatorData())
    instance.add_instigator_state(state)
    for at, status in enumerate(statuses):
        error = SerializableErrorInfo("AttributeError: no `passed`\nmore", [], "AttributeError")
        instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id,
                instigator_name=name,
                instigator_type=kind,
                status=status,
                timestamp=time.time() - 60 + at,
                selector_id=state.selector_id,
                run_ids=[],
                error=error if status is TickStatus.FAILURE else None,
            )
        )


def test_sensors_whose_last_tick_failed_are_named() -> None:
    """One that is at its next tick still counts as it last ended; one that is well again is not."""
    with dg.instance_for_test() as instance:
        watched(instance, "well", TickStatus.FAILURE, TickStatus.SUCCESS)
        watched(instance, "ill", TickStatus.SUCCESS, TickStatus.FAILURE, TickStatus.STARTED)
        (found,) = failing_ticks(instance)
    assert (found.room, found.name) == ("shop", "ill")
    assert found.reason == "AttributeError: no `passed`"
