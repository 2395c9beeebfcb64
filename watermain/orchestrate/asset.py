"""A declared dataset as a Dagster asset."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import duckdb
import psycopg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    InvalidPartitionError,
    TransientError,
)
from watermain.declare.name import DatasetName
from watermain.declare.outside.source import DroppedFiles
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import replay_captured
from watermain.engine.code.code import code_version
from watermain.engine.publish.publication import Job, Outcome, Publication, check_labels
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.engine.table.staged import Finding
from watermain.lake import ledger
from watermain.orchestrate.brought.dataset_frames import KEY, dataset_frames
from watermain.orchestrate.brought.returned import NONE_CUT, Cut, frame_source, returning
from watermain.orchestrate.page.checks import check_specs, evaluation_metadata
from watermain.orchestrate.page.metadata import (
    column_schema,
    description,
    group,
    outcome_metadata,
    static_metadata,
)
from watermain.orchestrate.policy import (
    WHOLE,
    beta_accepted,
    dependency,
    freshness,
    partitions,
)
from watermain.orchestrate.quarantine_asset import quarantine_events
from watermain.orchestrate.tags import PARTITION, RANGE_END, RANGE_START, REBUILD, REPLAY
from watermain.source.outside import NONE_DECLARED, Connections

Find = Callable[[DatasetName], Dataset]
PASSING = (
    dg.Failure,
    TransientError,
    OSError,
    duckdb.IOException,
    duckdb.TransactionException,
    psycopg.OperationalError,
)
RETRY = dg.RetryPolicy(max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL)


def asset_for(
    dataset: Dataset,
    find: Find,
    connections: Connections = NONE_DECLARED,
    cut: Cut = NONE_CUT,
) -> dg.AssetsDefinition | dg.AssetSpec:
    """Translate one declaration; `cut` are the plain assets of the room that have partitions.

    Guarantees: the key is `[team, stage, table]` and the group is the stage inside the team; each
    declared check is an asset check; and a failed blocking check holds the data and all that
    depends on it. It uses the lake and, of the declared connections, those that its source names.
    """
    used = sorted(dataset.origin.uses().keys() & connections.keys())
    if dataset.is_platforms:
        return dg.AssetSpec(**_spec_words(dataset, find, cut))

    def body(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run_id = context.run.run_id
        rebuild = any(context.run.tags.get(tag) == "true" for tag in (REBUILD, REPLAY))
        job = Job(
            lake=context.resources.lake,
            find=find,
            run_id=run_id,
            rebuild=rebuild,
            connections={name: getattr(context.resources, name) for name in used},
        )
        try:
            yield from _run(context, dataset, cut, job)
        except PASSING:
            raise
        except Exception as error:  # this is the entry point of a run: say why and do not retry
            raise dg.Failure(str(error), allow_retries=False) from error

    with beta_accepted():
        asset: dg.AssetsDefinition = dg.asset(
            **_spec_words(dataset, find, cut),
            required_resource_keys={"lake", *used},
            resource_defs={KEY: dataset_frames(find)},
            io_manager_key=KEY,
            check_specs=check_specs(dataset),
            backfill_policy=dg.BackfillPolicy.single_run() if dataset.cadence else None,
            retry_policy=RETRY,
            code_version=code_version(dataset),
            output_required=False,
            op_tags={"watermain/declared": dataset.declared},
        )(body)
    return asset


def _run(context: dg.AssetExecutionContext, dataset: Dataset, cut: Cut, job: Job) -> Iterator[Any]:
    span = requested(context, dataset)
    if not dataset.is_computed and context.run.tags.get(REPLAY) == "true":
        _replay(context, dataset, job)
    if dataset.is_computed:
        done = publish(dataset, span, job)
    else:
        done = capture(dataset, job, source=frame_source(context, dataset, cut))
    yield from _evaluations(context, dataset, done)
    for event in quarantine_events(dataset, done, job):
        context.log_event(event)
    passing = [o for o in done.outcomes if not o.blocked]
    asked = set(span.keys) if span else set() if dataset.cadence else {""}
    whole = bool(asked) and len(passing) == len(done.outcomes)
    for outcome in passing:
        if whole and outcome.partition in asked:
            context.add_asset_metadata(
                outcome_metadata(dataset, done, outcome),
                partition_key=outcome.partition or None,
            )
        else:
            context.log_event(materialization(dataset, done, outcome))
    done.refuse_blocked()
    if dataset.feature is not None:
        from watermain.engine.feature.keep_online import keep_online  # stores are slow to import

        keep_online(dataset, job)
    if whole:
        yield _output(dataset, done, asked, job)


def _replay(context: dg.AssetExecutionContext, dataset: Dataset, job: Job) -> None:
    """Publish the captured rows that now fit; tell Dagster of each partition that gained some."""
    replayed = replay_captured(dataset, job)
    for partition, count in replayed.gained.items():
        context.log_event(
            dg.AssetMaterialization(
                asset_key=dg.AssetKey(dataset.name.key),
                partition=partition or None,
                metadata={"published": True, "rows_published": count, "replayed": count},
                tags={"dagster/data_version": replayed.data_version},
            )
        )


def _output(
    dataset: Dataset, done: Publication, asked: set[str], job: Job
) -> dg.MaterializeResult[None]:
    """The result that lets downstream steps of the same run start.

    Guarantees: a capture that found nothing is no news, so that it has the version that stands.
    """
    version = None
    if len(asked) == 1 and not done.outcomes:
        with job.lake.get_connection() as connection:
            version = ledger.versions(connection, dataset.name).get(*asked)
    elif len(asked) == 1 == len(done.outcomes):
        version = done.outcomes[0].data_version
    return dg.MaterializeResult(
        metadata=None if done.outcomes else {"published": False, "reason": done.idle_because},
        data_version=dg.DataVersion(version) if version else None,
    )


def _evaluations(
    context: dg.AssetExecutionContext, dataset: Dataset, done: Publication
) -> Iterator[Any]:
    selected = set(context.op_execution_context.selected_output_names)
    key = dg.AssetKey(dataset.name.key)
    findings: dict[str, list[Finding]] = {}
    for outcome in done.outcomes:
        for finding in outcome.findings:
            findings.setdefault(finding.check, []).append(finding)
    evaluations = [
        _evaluation(dataset, finding, done)
        for label, severity in check_labels(dataset)
        for finding in findings.get(label, _nothing(label, severity, done))
    ]
    if evaluations:
        from watermain.orchestrate.report import report_evaluations  # imports dagster_postgres

        report_evaluations(context, evaluations)
    for label, _ in check_labels(dataset):
        output = dg.AssetCheckSpec(label, asset=key).get_python_identifier()
        if output in selected:
            yield dg.Output(None, output_name=output)


def _nothing(label: str, severity: str, done: Publication) -> list[Finding]:
    """What a check finds in a capture without a row: nothing that breaks it."""
    if done.outcomes:
        return []
    return [Finding(check=label, partition="", failing=0, rows=0, severity=severity)]


def _evaluation(dataset: Dataset, finding: Finding, done: Publication) -> dg.AssetCheckEvaluation:
    severe = finding.severity == "block"
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(dataset.name.key),
        check_name=finding.check,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        partition=finding.partition or None,
        blocking=False,  # the publish itself has held the partition back
        metadata=evaluation_metadata(dataset, finding, done),
    )


def materialization(
    dataset: Dataset, done: Publication, outcome: Outcome
) -> dg.AssetMaterialization:
    """What Dagster is told of one published partition."""
    return dg.AssetMaterialization(
        asset_key=dg.AssetKey(dataset.name.key),
        partition=outcome.partition or None,
        metadata=outcome_metadata(dataset, done, outcome),
        tags={
            "dagster/data_version": outcome.data_version,
            "dagster/code_version": done.code_version,
        },
    )


def requested(context: dg.AssetExecutionContext, dataset: Dataset) -> Span | None:
    """The partitions that a run asks for.

    Raises: InvalidPartitionError, for keys outside the cadence however they were sent.
    """
    if dataset.cadence is None:
        return None
    tags = context.run.tags
    single = tags.get(PARTITION)
    first = tags.get(RANGE_START, single)
    last = tags.get(RANGE_END, single)
    if first is None or last is None:
        if not dataset.is_computed:
            return None
        raise InvalidPartitionError.nothing_happened(
            f"{dataset.name}: the run names no partition",
            declared=dataset.declared,
            next=f"watermain materialize {dataset.name} --partition <key>",
        )
    dataset.cadence.window(first)
    dataset.cadence.window(last)
    return Span(dataset.cadence, first, last)


def _spec_words(dataset: Dataset, find: Find, cut: Cut) -> dict[str, Any]:
    deps = [_dependency(dataset, n, find) for n in dataset.upstream]
    # Dagster wants a partition in a run between two that have some, but a capture takes what waits.
    deps += [dg.AssetDep(k) for k in returning(dataset) if not (dataset.cadence and k in cut)]
    words = {
        "key": dg.AssetKey(dataset.name.key),
        "group_name": group(dataset.name),
        "owners": [dataset.owner],
        "kinds": _kinds(dataset),
        "tags": {
            "stage": dataset.name.stage,
            "cadence": dataset.cadence.unit if dataset.cadence else WHOLE,
        },
        "description": description(dataset),
        "metadata": {**static_metadata(dataset), "dagster/column_schema": column_schema(dataset)},
        "deps": deps,
        "partitions_def": partitions(dataset.cadence) if dataset.cadence else None,
        "freshness_policy": freshness(dataset.slo, dataset.cadence),
    }
    if dataset.mart is not None and dataset.mart.model is not None:
        from watermain.orchestrate.dbt_asset import with_dbt

        return with_dbt(dataset.mart.model, words)
    return words


def _dependency(dataset: Dataset, name: DatasetName, find: Find) -> dg.AssetDep:
    """An input; only of an optional one does it matter how it is cut into partitions."""
    return dependency(dataset, name, find(name) if dataset.is_optional(name) else None)


def _kinds(dataset: Dataset) -> set[str]:
    if not dataset.is_computed:
        source = dataset.source
        kind = source.format if isinstance(source, DroppedFiles) else dataset.source_kind
        return {"ducklake", "postgresql" if kind == "postgres" else kind}
    return {"ducklake", "dbt" if dataset.mart is not None else "ibis"}
