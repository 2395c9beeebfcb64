"""The asset that takes away files of the lake that no catalog names."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.lake.lake import Lake
from watermain.lake.rest.sweep import sweep
from watermain.orchestrate.page.metadata import group
from watermain.orchestrate.verification_asset import is_verification
from watermain.settings import load_settings

MOST_NAMED = 100


def sweep_key(dataset: Dataset) -> dg.AssetKey:
    """The key of the asset beside the dataset of what verifications found."""
    return dg.AssetKey([*dataset.name.key[:-1], "sweeps"])


def sweep_assets(datasets: Iterable[Dataset]) -> list[Any]:
    """One for the room that verifies files, and none for any other."""
    return [_asset(dataset) for dataset in datasets if is_verification(dataset)]


def _asset(dataset: Dataset) -> Any:
    @dg.asset(
        key=sweep_key(dataset),
        group_name=group(dataset.name),
        owners=[dataset.owner],
        kinds={"ducklake"},
        tags={"stage": dataset.name.stage},
        description="Files that no catalog names go once they are old enough.\n\n"
        "The term is `grace_hours` of the settings. `watermain sweep` does the same at once.",
    )
    def sweeps(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> dg.MaterializeResult[None]:
        done = sweep(lake, older_than=timedelta(hours=load_settings().grace_hours))
        for path in done.files:
            context.log.info("gone: %s", path)
        named = [*done.files[:MOST_NAMED]]
        if len(done.files) > MOST_NAMED:
            named.append(f"{len(done.files) - MOST_NAMED} more, in the log of the run")
        return dg.MaterializeResult(
            metadata={
                "files": len(done.files),
                "bytes": done.bytes,
                "gone": "\n".join(named) or "none",
                "young": done.young,
                "held": done.held,
                "foreign": done.foreign,
            }
        )

    return sweeps
