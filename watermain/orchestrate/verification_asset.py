"""The asset that verifies a slice of the lake's files at each run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.publish.patrol import Patrol, due, patrol
from watermain.engine.publish.publication import Job
from watermain.engine.publish.repair import Repair, repair
from watermain.lake.lake import Lake
from watermain.lake.rest.verification import DAMAGED, RECORDED, UNVOUCHED, WHOLE
from watermain.orchestrate.asset import materialization
from watermain.orchestrate.page.links import linked, page
from watermain.orchestrate.page.metadata import column_schema, description, group, static_metadata

CHECK = "files_are_whole"
RUNBOOK = "docs/runbooks/damaged-files.md"
Everything = Callable[[], Mapping[DatasetName, Dataset]]
Find = Callable[[DatasetName], Dataset]


def is_verification(dataset: Dataset) -> bool:
    """Whether a dataset holds what the asset finds."""
    return str(dataset.name) == RECORDED


def verification_asset(dataset: Dataset, find: Find, everything: Everything) -> Any:
    """Verify the files that are due; rebuild what can be rebuilt; name the rest by a failed check.

    Guarantees: a run reads at most a gigabyte or a 360th of the lake, and what it found is in
    the ledger before anything is rebuilt.
    """

    @dg.asset(
        key=dg.AssetKey(dataset.name.key),
        group_name=group(dataset.name),
        owners=[dataset.owner],
        kinds={"ducklake"},
        tags={"stage": dataset.name.stage},
        description=description(dataset),
        metadata={**static_metadata(dataset), "dagster/column_schema": column_schema(dataset)},
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=dg.AssetKey(dataset.name.key),
                description="No file of the present snapshot is damaged; fails otherwise.\n\n"
                f"When it fails, read {linked(RUNBOOK)}.",
            )
        ],
    )
    def verifications(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> Iterator[Any]:
        job = Job(lake=lake, find=find, run_id=context.run.run_id)
        known = everything()
        found = patrol(due(job), known, job)
        made = repair(found.damaged, known, job)
        for done in made.done:
            for outcome in done.outcomes:
                context.log_event(materialization(done.dataset, done, outcome))
        yield _result(dataset, found, made)

    return verifications


def _result(dataset: Dataset, found: Patrol, made: Repair) -> dg.MaterializeResult[None]:
    left = [f for f in found.damaged if f.listed.is_read and f.listed.file in made.left]
    named = [
        f"{f.listed.dataset} [{found.partitions[f.listed.file]}], snapshots"
        f" {found.snapshots(f)}: {f.listed.file}: {f.why}; {made.left[f.listed.file]}"
        for f in left
    ]
    return dg.MaterializeResult(
        metadata={
            "files": len(found.found),
            "bytes": found.bytes,
            WHOLE: found.count(WHOLE),
            DAMAGED: found.count(DAMAGED),
            "first seen": found.count(UNVOUCHED),
            "partitions computed anew": made.partitions,
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=CHECK,
                asset_key=dg.AssetKey(dataset.name.key),
                passed=not named,
                severity=dg.AssetCheckSeverity.ERROR,
                metadata={
                    "damaged": "\n".join(_first(named)) or "none",
                    "runbook": page(RUNBOOK),
                },
            )
        ],
    )


def _first(named: list[str]) -> Iterator[str]:
    yield from named[:100]
    if len(named) > 100:
        yield f"{len(named) - 100} more, in {RECORDED}"
