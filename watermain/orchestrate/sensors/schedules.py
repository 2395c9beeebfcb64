"""The schedules of a room, among them those that its datasets declare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.engine.publish.publication import Job
from watermain.engine.publish.scheduled import due
from watermain.engine.table.partition import spans
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.open_runs import is_under_way
from watermain.orchestrate.sweep_asset import sweep_key
from watermain.orchestrate.tags import partition_tags, run_tags
from watermain.orchestrate.upkeep.history_asset import history_key
from watermain.orchestrate.upkeep.tidying_asset import tidying_key
from watermain.orchestrate.verification_asset import is_verification
from watermain.settings import load_settings

Find = Callable[..., Dataset]


def declared_schedules(datasets: Sequence[Dataset], find: Find) -> list[dg.ScheduleDefinition]:
    """One schedule for each dataset that declares one.

    Guarantees: a captured dataset is captured then, and a computed one published: its newest
    finished partition, and every earlier one whose inputs or code changed, in few runs. While a run
    of the dataset is under way no second one is asked for.
    """
    return [_declared(d, find) for d in datasets if d.schedule is not None and not _rests(d)]


def _rests(dataset: Dataset) -> bool:
    return dataset.feature is not None and dataset.feature.is_retired


def _declared(dataset: Dataset, find: Find) -> dg.ScheduleDefinition:
    key, why = dg.AssetKey(dataset.name.key), f"its schedule, {dataset.schedule}"

    @dg.schedule(
        name="_".join(dataset.name.key),
        cron_schedule=str(dataset.schedule),
        execution_timezone=dataset.zone,
        target=dg.AssetSelection.assets(key),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{'Publishes' if dataset.is_computed else 'Captures'} {dataset.name}.",
    )
    def tick(
        context: dg.ScheduleEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if is_under_way(context.instance, key):
            yield dg.SkipReason("a run of it is under way")
            return
        at = context.scheduled_execution_time
        for tags in _asked(dataset, find, context):
            yield dg.RunRequest(
                run_key=f"{at.isoformat()} {' '.join(tags.values())}".strip(),
                asset_selection=[key],
                tags=run_tags([key.path], tags, why),
            )

    return tick


def _asked(
    dataset: Dataset, find: Find, context: dg.ScheduleEvaluationContext
) -> Iterator[dict[str, str]]:
    """The partitions to ask for, a dictionary of tags for each run."""
    if dataset.cadence is None or not dataset.is_computed:
        yield {}
        return
    job = Job(lake=Lake.from_settings().of_one_thread(), find=find)
    for span in spans(dataset.cadence, due(dataset, job, context.scheduled_execution_time)):
        yield partition_tags(span.first, span.last)


def daily_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Refresh each morning the datasets that read only what the platform itself writes."""
    raw = {d.name for d in datasets if d.is_platforms}
    fed = [d for d in datasets if d.inputs and set(d.inputs.values()) <= raw and not d.schedule]
    keys = [dg.AssetKey(d.name.key) for d in fed]
    return _fixed(f"{team}_daily", "15 4 * * *", keys, "Computes what the ledger tells anew.")


def verification_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Verify a slice of the lake's files each hour."""
    keys = [dg.AssetKey(d.name.key) for d in datasets if is_verification(d)]
    return _fixed(f"{team}_verification", "40 * * * *", keys, "Reads a slice of the lake's files.")


def upkeep_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Forget what is old and pack what is small, in one run each hour or as the settings say."""
    named = (tidying_key, sweep_key, history_key)
    keys = [key(d) for d in datasets if is_verification(d) for key in named]
    told = "Packs small files, forgets what is old and takes away files that nobody reads."
    return _fixed(f"{team}_upkeep", load_settings().upkeep_schedule, keys, told)


def _fixed(
    name: str, cron: str, keys: Sequence[dg.AssetKey], told: str
) -> list[dg.ScheduleDefinition]:
    """A schedule of assets without partitions; none where there are none of them."""
    if not keys:
        return []

    @dg.schedule(
        name=name,
        cron_schedule=cron,
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=told,
    )
    def tick() -> dg.RunRequest:
        tags = run_tags([key.path for key in keys], {}, f"the schedule {name}")
        return dg.RunRequest(asset_selection=list(keys), tags=tags)

    return [tick]
