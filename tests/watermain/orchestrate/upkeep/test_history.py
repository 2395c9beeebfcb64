"""Dagster's storage forgets what is old; no state that the UI shows changes by it."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus
from sqlalchemy import text

from tests.watermain.orchestrate.launch.scene import scene
from watermain.orchestrate.upkeep import history as subject
from watermain.orchestrate.upkeep.captured_output import Cleared, clear
from watermain.orchestrate.upkeep.history import Forgotten, Terms, ended, forget
from watermain.settings import Settings

TERMS = Terms(succeeded=timedelta(days=7), failed=timedelta(days=30), told=timedelta(hours=6))
DAYS = dg.StaticPartitionsDefinition(["a", "b", "c"])
KEY, WHOLE = dg.AssetKey(["t", "flights"]), dg.AssetKey(["t", "airports"])
CHECK = dg.AssetCheckKey(KEY, "right")
AGED = {
    "event_logs": ("timestamp",),
    "asset_check_executions": ("create_timestamp", "evaluation_event_timestamp"),
    "runs": ("update_timestamp", "create_timestamp"),
    "bulk_actions": ("timestamp",),
}


@dg.asset(key=KEY, partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("right", asset=KEY)])
def flights(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Fail where the test wants it."""
    if context.run.tags.get("fails"):
        raise ValueError("as the test wants")
    passed = not context.run.tags.get("breaks")
    yield dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(check_name="right", passed=passed)], tags={"k": "v"}
    )


@dg.asset(key=WHOLE)
def airports() -> None:
    """Materialize a table without partitions."""


@pytest.fixture
def instance(postgres: Any, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on PostgreSQL without history."""
    with scene(postgres, tmp_path) as opened:
        yield opened.instance


def run(
    instance: dg.DagsterInstance, partition: str, *, fails: bool = False, breaks: bool = False
) -> str:
    """Materialize one partition, whose check may break; give the run."""
    tags = {name: "yes" for name, on in {"fails": fails, "breaks": breaks}.items() if on}
    done = dg.materialize(
        [flights], instance=instance, partition_key=partition, tags=tags, raise_on_error=False
    )
    assert done.success is not fails
    return done.run_id


def told(instance: dg.DagsterInstance, partition: str, rows: int) -> None:
    """Tell of a partition as a stream does."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(KEY, partition=partition, metadata={"rows": rows})
    )
    instance.report_runless_asset_event(dg.AssetCheckEvaluation(KEY, "right", passed=rows % 2 == 0))


def age(instance: dg.DagsterInstance, **length: float) -> None:
    """Let time pass for everything that the storage holds."""
    with instance.run_storage._engine.connect() as connection:  # type: ignore[attr-defined]
        for table, columns in AGED.items():
            moved = ", ".join(f"{name} = {name} - :by" for name in columns)
            connection.execute(text(f"update {table} set {moved}"), {"by": timedelta(**length)})


def count(instance: dg.DagsterInstance, table: str) -> int:
    with instance.run_storage._engine.connect() as connection:  # type: ignore[attr-defined]
        return int(connection.execute(text(f"select count(*) from {table}")).scalar() or 0)


def states(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What the UI makes its pictures of."""
    log = instance.event_log_storage
    latest: dict[str | None, Any] = {}
    for record in log.get_asset_check_execution_history(CHECK, limit=100):
        if record.status.value != "PLANNED":
            latest.setdefault(record.partition, (record.status, record.run_id))
    attempts = log.get_latest_asset_partition_materialization_attempts_without_materializations(KEY)
    failed = {
        part: run_id
        for part, (run_id, _) in attempts.items()
        if (found := instance.get_run_by_id(run_id)) and found.is_failure
    }
    kind = DagsterEventType.ASSET_MATERIALIZATION
    return {
        "materialized": log.get_materialized_partitions(KEY),
        "latest": log.get_latest_storage_id_by_partition(KEY, kind),
        "tags": log.get_latest_tags_by_partition(KEY, kind, ["dagster/data_version"]),
        "event": instance.get_latest_materialization_event(KEY),
        "whole": instance.get_latest_materialization_event(WHOLE),
        "checks": latest,
        "failed": failed,
        "keys": set(instance.all_asset_keys()),
    }


def test_states_stay_while_their_history_goes(instance: dg.DagsterInstance) -> None:
    """Superseded runs go whole; the last of each partition keeps its row and its event."""
    old = [run(instance, "a"), run(instance, "a"), run(instance, "b")]
    dg.materialize([airports], instance=instance)
    newest = dg.materialize([airports], instance=instance).run_id
    before, events = states(instance), count(instance, "event_logs")
    assert forget(instance, TERMS) == Forgotten(
        bytes_before=(size := _size(instance)), bytes_after=size
    )
    age(instance, days=8)
    gone = forget(instance, TERMS)
    assert states(instance) == before
    assert {r.run_id for r in instance.get_runs()} == {*old[1:], newest}
    assert (gone.runs, gone.checks) == (2, 2)
    assert count(instance, "event_logs") == events - gone.events == 3
    assert gone.rows == gone.events + gone.checks + gone.runs
    again = forget(instance, TERMS)
    assert again.rows == 0
    assert states(instance) == before


def _size(instance: dg.DagsterInstance) -> int:
    with instance.run_storage._engine.connect() as connection:  # type: ignore[attr-defined]
        return subject._bytes(connection)


def test_what_a_stream_told_goes_once_something_newer_stands(
    instance: dg.DagsterInstance,
) -> None:
    """The last of each partition stays for ever, without a run."""
    for rows in range(5):
        told(instance, "a", rows)
        told(instance, "b", rows)
    before = states(instance)
    age(instance, hours=5)
    assert forget(instance, TERMS).rows == 0
    age(instance, hours=2)
    gone = forget(instance, TERMS)
    assert states(instance) == before
    # of each partition four materializations, and all ten evaluations of the event log
    assert (gone.events, gone.checks) == (8 + 10, 9)
    assert set(before["checks"]) == {None}
    assert before["materialized"] == {"a", "b"}


def test_what_passed_in_a_run_goes_in_hours_and_what_failed_stays(
    instance: dg.DagsterInstance,
) -> None:
    """Of a run that succeeded: passing checks which ran again since; one that failed stays."""
    passed = [run(instance, "a"), run(instance, "a"), run(instance, "b")]
    broken = run(instance, "a", breaks=True)
    last = run(instance, "a")
    stopped = run(instance, "c", fails=True)
    before = states(instance)
    age(instance, hours=5)
    assert forget(instance, TERMS).rows == 0
    age(instance, hours=2)
    gone = forget(instance, TERMS)
    assert states(instance) == before
    assert {r.run_id for r in instance.get_runs()} == {*passed, broken, last, stopped}
    kept = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=100)
    # A check that tells no partition stands by its last evaluation.
    assert {r.run_id for r in kept if r.status.value != "PLANNED"} == {broken, last}
    assert {r.run_id for r in kept if r.status.value == "PLANNED"} <= {stopped}
    assert gone.checks >= 2
    kinds = {each.dagster_event_type for each in instance.all_logs(passed[0])}
    assert DagsterEventType.ASSET_MATERIALIZATION in kinds
    assert DagsterEventType.ASSET_CHECK_EVALUATION not in kinds
    assert DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED not in kinds
    assert {DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS} <= kinds
    assert DagsterEventType.STEP_OUTPUT not in kinds
    left = {each.dagster_event_type for each in instance.all_logs(stopped)}
    assert {DagsterEventType.ENGINE_EVENT, DagsterEventType.STEP_FAILURE} <= left
    evaluated = {e.dagster_event_type for e in instance.all_logs(broken)}
    assert DagsterEventType.ASSET_CHECK_EVALUATION in evaluated
    assert forget(instance, TERMS).rows == 0


def test_looks_that_found_nothing_go_once_a_later_one_stands(
    instance: dg.DagsterInstance,
) -> None:
    """The last look of each sensor stays, and so does one that asked for a run."""
    looked = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.SKIPPED]
    for sensor in ("s", "t"):
        for number, status in enumerate(looked):
            instance.create_tick(
                TickData(
                    instigator_origin_id=sensor,
                    instigator_name=sensor,
                    instigator_type=InstigatorType.SENSOR,
                    status=status,
                    timestamp=time.time() - 7 * 3600 + number,
                    selector_id=sensor,
                    run_ids=[],
                )
            )
    later = timedelta(hours=5)
    assert forget(instance, replace(TERMS, told=timedelta(hours=8))).ticks == 0
    assert forget(instance, replace(TERMS, told=later)).ticks == 4
    left = [tick.status for tick in instance.get_ticks("s", "s")]
    assert left == [TickStatus.SKIPPED, TickStatus.SUCCESS]
    assert forget(instance, replace(TERMS, told=later)).ticks == 0


def test_a_failure_is_told_until_something_was_materialized_since(
    instance: dg.DagsterInstance,
) -> None:
    """A red partition stays red after its logs went, and its run can still be looked up."""
    run(instance, "a")
    failed = run(instance, "c", fails=True)
    before = states(instance)
    assert before["failed"] == {"c": failed}
    age(instance, days=8)
    forget(instance, TERMS)
    assert any(r.event_log_entry.message for r in instance.get_records_for_run(failed).records)
    assert len(instance.all_logs(failed)) > 5
    age(instance, days=30)
    forget(instance, TERMS)
    assert states(instance) == before
    assert len(instance.all_logs(failed)) == 1
    run(instance, "c")
    before = states(instance)
    assert before["failed"] == {}
    assert forget(instance, TERMS).runs == 1
    assert instance.get_run_by_id(failed) is None
    assert states(instance) == before


def test_what_has_not_ended_is_not_touched(instance: dg.DagsterInstance) -> None:
    """A run that works for weeks keeps every event; so does a queued one."""
    done = run(instance, "a")
    with instance.run_storage._engine.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(text("update runs set status = 'STARTED'"))
    told(instance, "a", 1)
    age(instance, days=400)
    events = count(instance, "event_logs")
    assert forget(instance, TERMS).rows == 1  # the evaluation that was told, in the event log
    assert count(instance, "event_logs") == events - 1
    assert instance.get_run_by_id(done) is not None


def test_small_pieces_forget_the_same(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept does not depend on where a piece ends."""
    monkeypatch.setattr(subject, "PIECE", 2)
    for part in "aab":
        run(instance, part)
    before = states(instance)
    age(instance, days=8)
    assert forget(instance, TERMS).runs == 1
    assert states(instance) == before
    assert count(instance, "event_logs") == 2


def test_output_of_runs_goes_with_their_history(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """Output of a run whose term is over, or of none; what is young stays."""
    good, bad = run(instance, "a"), run(instance, "b", fails=True)
    base = Path(instance.compute_log_manager._base_dir)  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    for name in (good, bad, "nobody"):
        (base / name / "compute_logs").mkdir(parents=True, exist_ok=True)
        (base / name / "compute_logs" / "step.err").write_text("said")
        then = (now + timedelta(days=1)).timestamp()
        os.utime(base / name, (then, then))
    assert clear(instance, TERMS, now=now) == Cleared()
    later = now + timedelta(days=9)
    gone = clear(instance, TERMS, now=later)
    assert gone.runs == 2
    assert gone.bytes >= 8
    assert {f.name for f in base.iterdir()} & {good, bad, "nobody"} == {bad}
    assert ended(instance, [good, bad, "nobody"], TERMS, later) == {good, "nobody"}


def test_other_storage_is_left_alone() -> None:
    with dg.DagsterInstance.ephemeral() as held:
        assert forget(held, TERMS) == Forgotten()


def test_terms_are_settings() -> None:
    """A failure is kept at least as long as a success."""
    terms = Terms.of(Settings(history_days=40, failed_history_days=2, told_hours=1))
    ends = terms.ends(datetime(2026, 3, 1, tzinfo=UTC))
    assert ends["succeeded"] == ends["failed"] == datetime(2026, 1, 20)
    assert ends["told"] == datetime(2026, 2, 28, 23)
