"""The run coordinator of dagster.yaml, which queues no run that asks for what cannot be."""

from __future__ import annotations

from datetime import datetime

from dagster import AssetKey, DagsterRun, PartitionsDefinition, TimeWindowPartitionsDefinition
from dagster._core.errors import DagsterError
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.run_coordinator.base import SubmitRunContext

from watermain.declare.errors import InvalidPartitionError, TerminalError
from watermain.orchestrate.instance.asked import TAGS
from watermain.orchestrate.tags import CHECK, run_tags


class ConfiguredRunError(TerminalError):
    """Refuse a run that brings settings of its own."""


class CheckedRunCoordinator(QueuedRunCoordinator):
    """Queue runs whose partitions exist and which bring no configuration.

    Guarantees: each run says in its tags what it is, whose it is and why, whoever launched it.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Queue a run.

        Raises: ConfiguredRunError or InvalidPartitionError.
        """
        run = context.dagster_run
        refuse_configuration(run)
        graph = context.workspace.asset_graph
        for key in sorted(run.asset_selection or (), key=str):
            if graph.has(key):
                for tag in (t for t in TAGS if t in run.tags):
                    refuse_partition(run.tags[tag], key, graph.get(key).partitions_def)
        checked = {key.asset_key for key in run.asset_check_selection or ()}
        of_job = graph.asset_keys_for_job(run.job_name)  # of a schedule over a selection of its own
        keys = run.asset_selection or checked or of_job
        verb = CHECK if checked and not run.asset_selection else ""
        told = run_tags([key.path for key in keys], run.tags, verb=verb)
        if fresh := {key: value for key, value in told.items() if key not in run.tags}:
            self._instance.add_run_tags(run.run_id, fresh)
        return super().submit_run(context)


def refuse_configuration(run: DagsterRun) -> None:
    """Refuse a run with a configuration: what runs is configured by settings.

    Raises: ConfiguredRunError.
    """
    if _says_something(run.run_config):
        raise ConfiguredRunError(
            f"a run takes no configuration, this one brings `{', '.join(sorted(run.run_config))}`",
            declared="the settings, docs/guides/settings.md",
            data="nothing was launched; nothing was read or written",
            next="launch it without a run config",
        )


def refuse_partition(partition: str, key: AssetKey, known: PartitionsDefinition | None) -> None:
    """Refuse a partition that a dataset does not have.

    Raises: InvalidPartitionError.
    """
    if known is not None and not _has(known, partition):
        name = ".".join(key.path)
        raise InvalidPartitionError(
            f"{name} has no partition {partition[:60]!a}",
            declared=_calendar(known),
            data="nothing was launched; nothing was read or written",
            next=f"watermain materialize {name} --partition <key>",
        )


def _has(known: PartitionsDefinition, partition: str) -> bool:
    """Whether a partition exists and its key is written as the calendar writes it."""
    try:
        if isinstance(known, TimeWindowPartitionsDefinition):
            moment = datetime.strptime(partition, known.fmt)
            if moment.strftime(known.fmt) != partition:
                return False
        return known.has_partition_key(partition)
    except (ValueError, OverflowError, DagsterError):
        return False


def _calendar(known: PartitionsDefinition) -> str:
    if isinstance(known, TimeWindowPartitionsDefinition):
        return f"its cadence: from {known.start:{known.fmt}}, written {known.fmt}"
    return "its cadence"


def _says_something(config: object) -> bool:
    if isinstance(config, dict):
        return any(map(_says_something, config.values()))
    return config is not None and config != []
