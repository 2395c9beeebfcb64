"""Checks of a dataset as Dagster's UI tells of them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.engine.audit.demand import demands
from watermain.engine.audit.need_check import need_places
from watermain.engine.publish.publication import Publication, check_labels
from watermain.engine.table.staged import Finding, runbook
from watermain.orchestrate.page.links import code, linked, page


def check_specs(dataset: Dataset) -> list[dg.AssetCheckSpec]:
    """The specs of all checks of a publish: each says its rule, its line and its runbook."""
    said, stands = demands(dataset), places(dataset)
    return [
        dg.AssetCheckSpec(
            name=label,
            asset=dg.AssetKey(dataset.name.key),
            blocking=severity == "block",
            description=f"{said[label]}\n\n{told(stands[label], runbook(dataset, label))}",
            metadata=code(stands[label]),
        )
        for label, severity in check_labels(dataset)
    ]


def told(declared: str, runbook: str) -> str:
    """Where a check is declared, then the page for whoever sees it fail, as Markdown."""
    return f"Declared at {linked(declared)}; when it fails, read {linked(runbook)}."


def evaluation_metadata(dataset: Dataset, finding: Finding, done: Publication) -> dict[str, Any]:
    """What one evaluation found; numbers stay numbers, for the UI plots them."""
    return {
        "failing": dg.MetadataValue.int(finding.failing),
        "rows": dg.MetadataValue.int(finding.rows),
        "declared": done.place(finding.check),
        "sample_keys": ", ".join(done.samples.get(finding.check, [])) or "none",
        "route": finding.route,
        "seconds": round(finding.seconds, 4),
        "runbook": page(runbook(dataset, finding.check)),
    }


def places(dataset: Dataset) -> dict[str, str]:
    """Where each check stands in the code; one that the contract implies stands with it."""
    placed = {c.label: c.declared for c in dataset.all_checks} | need_places(dataset)
    return {label: placed.get(label) or dataset.declared for label, _ in check_labels(dataset)}
