"""The asset that keeps the lake small."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.declare.name import DatasetName
from watermain.engine.table.tidying import Tidied, tidy_lake
from watermain.lake.lake import Lake
from watermain.lake.rest.expiry import Depth
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


def told(done: Tidied) -> dict[str, Any]:
    """What a round did, for people."""
    before, after = done.files
    return {
        "files written again": before,
        "files they became": after,
        "rows proved": sum(each.rows for each in done.done),
        "ledger's rows into files": done.ledger.rows,
        "ledger's files written again": done.ledger.files_before,
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
        " terms of their contracts. The ledger's rows go from the catalog into files.\n\n"
        "The terms are `snapshot_hours`, `snapshot_minutes`, `snapshot_days` and `training_days`"
        " of the settings. `watermain compact` does the first at once.",
    )
    def tidyings(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> dg.MaterializeResult[None]:
        settings, known = load_settings(), everything().values()
        grace = timedelta(hours=settings.grace_hours)
        read = _read_on(known, context.log)
        done = tidy_lake(lake, known, Depth.of(settings), grace=grace, needed=read)
        for each in done.left:
            context.log.warning("left as it is: %s", each)
        return dg.MaterializeResult(metadata=told(done))

    return tidyings


def _read_on(datasets: Iterable[Dataset], log: Any) -> set[int]:
    """The snapshots from which online stores go on; a store that is away compares all, later."""
    kept = [d for d in datasets if d.feature is not None and d.feature.is_kept_online]
    if not kept:
        return set()
    from watermain.online.opening import open_store  # stores are slow to import

    try:
        with open_store(load_settings()) as store:
            names = [str(d.name) for d in kept]
            found = [c for n in names for c in (store.cursor(n), store.begun(n))]
    except TransientError as error:
        log.warning("where the online store goes on is not known: %s", error.what)
        return set()
    return {cursor.snapshot for cursor in found if cursor is not None}
