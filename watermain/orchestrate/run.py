"""A Dagster run inside this process, recorded in the platform's instance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.publish.publication import Publication
from watermain.orchestrate.asset import materialization
from watermain.orchestrate.tags import run_tags

SUCCEEDED = AssetCheckExecutionRecordStatus.SUCCEEDED
FAILED = AssetCheckExecutionRecordStatus.FAILED
Told = Callable[[DatasetName, str], None]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a run: partitions that are new, their rows, and why it failed."""

    run_id: str
    ok: bool
    partitions: int
    rows: int
    failures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The latest evaluation of one check."""

    check: str
    passed: bool
    failing: int | None
    rows: int | None
    sample: str
    partition: str | None
    at: float
    route: str = ""
    seconds: float | None = None


def run_here(
    definitions: dg.Definitions,
    names: Sequence[DatasetName],
    tags: Mapping[str, str],
    instance: dg.DagsterInstance,
    told: Told,
    *,
    run_id: str,
) -> Ran:
    """Materialize datasets of one room in this process, as the run `run_id`.

    Guarantees: the same events reach Dagster as from any other run, and failures are returned.
    """
    keys = [dg.AssetKey(n.key) for n in names]
    job = definitions.resolve_implicit_global_asset_job_def()
    known = {n.key: n for n in names}

    def hear(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.step_key is not None:
            name = known.get(tuple(event.step_key.split("__")))  # type: ignore[arg-type]
            if name is not None:
                told(name, event.event_type_value)

    instance.add_event_listener(run_id, hear)
    done = job.execute_in_process(
        instance=instance,
        tags=run_tags([n.key for n in names], tags, "`watermain` ran it in its own process"),
        asset_selection=keys,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        run_id=run_id,
    )
    published = [m for m in map(_published, done.all_events) if m is not None]
    return Ran(
        run_id=run_id,
        ok=done.success,
        partitions=len(published),
        rows=sum(published),
        failures=tuple(_reasons(done.all_events)),
    )


def tell(instance: dg.DagsterInstance, done: Publication) -> None:
    """Tell Dagster of a publish that no run of its own made, so that downstream follows."""
    for outcome in done.outcomes:
        instance.report_runless_asset_event(materialization(done.dataset, done, outcome))


def latest_checks(
    dataset: Dataset,
    labels: Iterable[str],
    instance: dg.DagsterInstance,
    partition: str | None = None,
) -> list[Checked]:
    """The latest evaluation of each check of a dataset or of one of its partitions."""
    keys = [dg.AssetCheckKey(dg.AssetKey(dataset.name.key), label) for label in labels]
    storage, finished = instance.event_log_storage, {SUCCEEDED, FAILED}
    only = PartitionKeyFilter(key=partition) if partition else None
    found = [
        storage.get_asset_check_execution_history(k, 1, status=finished, partition_filter=only)
        for k in keys
    ]
    return [
        _checked(key.name, records[0]) for key, records in zip(keys, found, strict=True) if records
    ]


def held_back(
    dataset: Dataset,
    blocking: Iterable[str],
    instance: dg.DagsterInstance,
    partition: str | None = None,
) -> dict[str, list[str]]:
    """The blocking checks that failed when last evaluated, by partition; "" is the whole table."""
    keys = [dg.AssetCheckKey(dg.AssetKey(dataset.name.key), label) for label in blocking]
    only = [partition] if partition else None
    found: dict[str, list[str]] = {}
    for each in instance.event_log_storage.get_asset_check_partition_info(
        keys, partition_keys=only
    ):
        if each.latest_execution_status is FAILED:
            found.setdefault(each.partition_key or "", []).append(each.check_key.name)
    return {key: sorted(labels) for key, labels in sorted(found.items())}


def _checked(label: str, record: AssetCheckExecutionRecord) -> Checked:
    event = record.event.dagster_event if record.event else None
    evaluation = event.asset_check_evaluation_data if event else None
    metadata = {k: v.value for k, v in evaluation.metadata.items()} if evaluation else {}
    return Checked(
        check=label,
        passed=bool(evaluation and evaluation.passed),
        failing=_count(metadata.get("failing")),
        rows=_count(metadata.get("rows")),
        sample=str(metadata.get("sample_keys", "none")),
        partition=evaluation.partition if evaluation else None,
        at=record.create_timestamp,
        route=str(metadata.get("route", "")),
        seconds=_seconds(metadata.get("seconds")),
    )


def _published(event: dg.DagsterEvent) -> int | None:
    """The rows of a materialization; None for any other event or for one that changed nothing."""
    if not event.is_step_materialization:
        return None
    facts = event.step_materialization_data.materialization.metadata
    if "published" in facts and not facts["published"].value:
        return None
    return _count(facts["rows_published"].value) if "rows_published" in facts else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _seconds(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _reasons(events: Iterable[dg.DagsterEvent]) -> Iterator[str]:
    for event in events:
        if event.is_step_failure:
            data = event.step_failure_data
            described = data.user_failure_data.description if data.user_failure_data else None
            error = data.error.cause or data.error if data.error else None
            yield described or (error.message if error else "a step failed")
        elif event.is_failure and event.event_type_value == "PIPELINE_FAILURE":
            yield event.message or "the run failed"
