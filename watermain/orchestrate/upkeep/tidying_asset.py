"""The asset that keeps the lake small each night."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.tidying import Tidied, tidy_lake
from watermain.lake.lake import Lake
from watermain.orchestrate.page.metadata import group
from watermain.orchestrate.verification_asset import is_verification
from watermain.settings import load_settings

Everything = Callable[[], Mapping[DatasetName, Dataset]]


def tidying_key(dataset: Dataset) -> dg.AssetKey:
    """The key of the asset beside the dataset of what verifications found."""
    return dg.AssetKey([*dataset.name.key[:-1], "tidyings"])


def tidying_assets(datasets: Iterable[Dataset], everything: Everything) -> list[Any]:
    """One for the room that verifies files, and none for any other."""
    return [_asset(dataset, everything) for dataset in datasets if is_verification(dataset)]


def tidying_schedule(team: str, datasets: Iterable[Dataset]) -> list[dg.ScheduleDefinition]:
    """Tidy each night, before files that wait long enough are swept."""
    keys = [tidying_key(d) for d in datasets if is_verification(d)]
    if not keys:
        return []
    return [
        dg.ScheduleDefinition(
            name=f"{team}_tidying",
            cron_schedule="55 2 * * *",
            target=dg.AssetSelection.assets(*keys),
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]


def told(done: Tidied) -> dict[str, Any]:
    """What a round did, for people."""
    before, after = done.files
    return {
        "files written again": before,
        "files they became": after,
        "rows proved": sum(each.rows for each in done.done),
        "rows of quarantines forgotten": done.aside,
        "snapshots forgotten": done.expired.snapshots,
        "oldest snapshot": done.expired.oldest,
        "files given up": done.expired.files,
        "bytes given up": done.expired.bytes,
        "files for the sweep": done.expired.released,
        "left as they are": "\n".join(done.left) or "none",
    }


def _asset(dataset: Dataset, everything: Everything) -> Any:
    @dg.asset(
        key=tidying_key(dataset),
        group_name=group(dataset.name),
        owners=[dataset.owner],
        kinds={"ducklake"},
        tags={"stage": dataset.name.stage},
        description="Small files become few, files of whose rows many are deleted are written"
        " again, and what nobody needs is forgotten: old snapshots, and rows in quarantine by the"
        " terms of their contracts.\n\n"
        "The terms are `snapshot_days` and `training_days` of the settings. `watermain compact`"
        " does the first at once.",
    )
    def tidyings(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> dg.MaterializeResult[None]:
        term = timedelta(days=load_settings().snapshot_days)
        done = tidy_lake(lake, everything().values(), older_than=term)
        for each in done.left:
            context.log.warning("left as it is: %s", each)
        return dg.MaterializeResult(metadata=told(done))

    return tidyings
