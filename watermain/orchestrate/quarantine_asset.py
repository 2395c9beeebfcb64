"""The sibling asset of a dataset whose rows may be put aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.engine.publish.publication import Job, Publication
from watermain.lake import quarantine
from watermain.orchestrate.page.links import code, page
from watermain.orchestrate.page.metadata import group
from watermain.orchestrate.policy import partitions

RUNBOOK = "docs/runbooks/rows-in-quarantine.md"


def quarantine_key(dataset: Dataset) -> dg.AssetKey:
    """The key of the sibling beside the dataset's own."""
    return dg.AssetKey([*dataset.name.key[:-1], f"{dataset.name.table}_quarantine"])


def quarantine_assets(datasets: Iterable[Dataset]) -> list[dg.AssetSpec]:
    """One sibling for each dataset that can put rows aside; a computed one has its partitions."""
    return [_spec(d) for d in datasets if d.can_quarantine]


def _spec(dataset: Dataset) -> dg.AssetSpec:
    cut = dataset.cadence if dataset.is_computed else None
    return dg.AssetSpec(
        key=quarantine_key(dataset),
        deps=[dg.AssetDep(dg.AssetKey(dataset.name.key))],
        group_name=group(dataset.name, "quarantine"),
        owners=[dataset.owner],
        kinds={"ducklake", "quarantine"},
        tags={"stage": "quarantine"},
        description=f"Rows of {dataset.name} that were put aside, each with its reason.\n\n"
        f"`watermain quarantine show {dataset.name}` shows them.",
        metadata={
            "declared": dataset.declared,
            **code(dataset.declared),
            "runbook": page(RUNBOOK),
            "look": f"watermain quarantine show {dataset.name}",
        },
        partitions_def=partitions(cut) if cut else None,
    )


def quarantine_events(
    dataset: Dataset, done: Publication, job: Job
) -> Iterator[dg.AssetMaterialization]:
    """Tell how many rows lie aside by each rule, wherever this run may have changed that."""
    if not dataset.can_quarantine:
        return
    if dataset.is_computed:
        for outcome in done.outcomes:
            if outcome.published and not outcome.blocked:
                yield _event(dataset, outcome.partition, outcome.aside)
        return
    with job.lake.get_connection() as connection:
        if not quarantine.touched(connection, str(dataset.name), job.run_id):
            return
        counts = quarantine.counted(connection, str(dataset.name))
    by_rule: dict[str, int] = {}
    for count in counts:
        if count["status"] == quarantine.OPEN:
            by_rule[count["why"]] = by_rule.get(count["why"], 0) + count["rows"]
    yield _event(dataset, "", by_rule)


def _event(dataset: Dataset, partition: str, by_rule: Mapping[str, int]) -> dg.AssetMaterialization:
    counted = "dagster/partition_row_count" if partition else "dagster/row_count"
    return dg.AssetMaterialization(
        asset_key=quarantine_key(dataset),
        partition=partition or None,
        metadata={
            counted: sum(by_rule.values()),
            "by_rule": dg.MetadataValue.json(dict(by_rule)),
            "runbook": page(RUNBOOK),
        },
    )
