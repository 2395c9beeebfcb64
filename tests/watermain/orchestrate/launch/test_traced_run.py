"""A run is traced from the worker to each of its steps, whose processes are forked from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from tests.watermain.orchestrate.launch.scene import scene, soon
from tests.watermain.trace.collector import collecting
from watermain.process.postgres import EmbeddedPostgres
from watermain.trace.identity import run_point

pytestmark = pytest.mark.slow


def test_run_has_its_steps_within_it(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is a span of the run's trace, sent from a process of its own."""
    with collecting() as collector:
        monkeypatch.setenv("WATERMAIN_OTLP_ENDPOINT", collector.address)
        with scene(postgres, tmp_path) as stage:
            run = stage.run("raise_error")
            assert run.status == DagsterRunStatus.FAILURE
            soon(lambda: collector.named("run"))
        (whole,), steps = collector.named("run"), collector.named("step")
    at = run_point(run.run_id)
    assert (whole.trace, whole.span) == (f"{at.trace:032x}", f"{at.span:016x}")
    assert {each.facts["watermain.step"] for each in steps} >= {"calm", "other"}
    assert {(each.trace, each.parent) for each in steps} == {(whole.trace, whole.span)}
    assert len({whole.process, *(each.process for each in steps)}) == len(steps) + 1
