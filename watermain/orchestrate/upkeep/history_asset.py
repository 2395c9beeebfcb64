"""The asset that forgets what Dagster has written down long ago."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.orchestrate.page.metadata import group
from watermain.orchestrate.upkeep.captured_output import clear
from watermain.orchestrate.upkeep.history import Terms, forget
from watermain.orchestrate.verification_asset import is_verification
from watermain.settings import load_settings


def history_key(dataset: Dataset) -> dg.AssetKey:
    """The key of the asset beside the dataset of what verifications found."""
    return dg.AssetKey([*dataset.name.key[:-1], "history"])


def history_assets(datasets: Iterable[Dataset]) -> list[Any]:
    """One for the room that looks after the platform, and none for any other."""
    return [_asset(dataset) for dataset in datasets if is_verification(dataset)]


def _asset(dataset: Dataset) -> Any:
    @dg.asset(
        key=history_key(dataset),
        group_name=group(dataset.name),
        owners=[dataset.owner],
        kinds={"postgres"},
        tags={"stage": dataset.name.stage},
        description="Dagster's events, check results, runs and captured output are forgotten once"
        " they are old. The last state of every asset, check and partition stays.\n\n"
        "The terms are `history_days`, `failed_history_days` and `told_hours` of the settings.",
    )
    def history(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        terms = Terms.of(load_settings())
        gone, output = forget(context.instance, terms), clear(context.instance, terms)
        return dg.MaterializeResult(
            metadata={
                "events": gone.events,
                "check results": gone.checks,
                "runs": gone.runs,
                "backfills": gone.backfills,
                "looks of sensors": gone.ticks,
                "bytes before": gone.bytes_before,
                "bytes after": gone.bytes_after,
                "outputs of runs": output.runs,
                "bytes of outputs": output.bytes,
            }
        )

    return history
