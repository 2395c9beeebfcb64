"""Datasets as the inputs of plain assets: rows of one snapshot, in the frame that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import dagster as dg
import pyarrow as pa

from watermain.declare.body.frame import Frame, framed_as
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, UnmetNeedError, quoted
from watermain.declare.name import DatasetName
from watermain.engine.rooms.mask import hides, nothing
from watermain.engine.table.body import frame_of
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.lake.shown.disclosure import Disclosure, disclose
from watermain.lake.shown.warm_wall import Asked, answering

KEY = "datasets"  # of the resource, which each asset of a dataset brings itself
ELSEWHERE = "datasets_elsewhere"  # of the room's, for datasets of other rooms
UNMASK = "unmask"  # of an input's metadata: the reason to see what is personal or secret
MOST_SPANS = 1000
Find = Callable[[DatasetName], Dataset]
_SNAPSHOTS: dict[tuple[str, str, int], int] = {}  # of the step that reads; of others none is kept


class DatasetFrames(dg.IOManager):
    """Give a plain asset the rows of a dataset that it names as an input; datasets write nothing.

    Shapes: the frame is the one that the parameter is annotated with; without an annotation, or
    with one that is no table, it is a `pd.DataFrame`. Of a partitioned dataset the asset is given
    the partitions that its own are mapped to.
    Guarantees: all inputs of a step are of one snapshot, which is told beside what it makes;
    masked columns are masked, unless the input's metadata has a reason under `unmask`.
    """

    def __init__(self, lake: Lake, find: Find) -> None:
        self._lake, self._find = lake, find

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Refuse a value: a dataset's rows are written by its publish.

        Raises: InvalidDeclarationError.
        """
        raise InvalidDeclarationError.nothing_happened(
            f"{context.get_asset_identifier()} is a dataset, whose rows no I/O manager writes",
            declared="watermain/orchestrate/brought/dataset_frames.py",
            next="return the rows from an asset of another name, and declare a raw dataset of it",
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Read what the asset asked for."""
        dataset = self._find(DatasetName(*context.asset_key.path))
        keys = context.asset_partition_keys if context.has_asset_partitions else None
        reason = str((context.definition_metadata or {}).get(UNMASK, "")) or None
        snapshot = self._pinned(context)
        rows, masked = self._rows(dataset, snapshot, _where(dataset, keys), reason)
        if masked and context.log:
            context.log.warning(f"{dataset.name}: {quoted(masked)} are masked")
        told = {"snapshot": snapshot, "rows": rows.num_rows, "masked": ", ".join(masked) or "none"}
        if keys is None or len(keys) == 1:  # Dagster keeps it for one partition alone
            context.add_input_metadata(told)
        _tell(context, dataset, snapshot)
        return frame_of(rows, framed_as(context.dagster_type.typing_type) or Frame.PANDAS)

    def _pinned(self, context: dg.InputContext) -> int:
        """The snapshot of the step that asks."""
        step = context.step_context
        place = (step.run_id, step.step.key, step.previous_attempt_count)
        if place not in _SNAPSHOTS:
            _SNAPSHOTS.clear()
            with self._lake.get_connection() as connection:
                _SNAPSHOTS[place] = self._lake.snapshot(connection)
        return _SNAPSHOTS[place]

    def _rows(
        self, dataset: Dataset, snapshot: int, where: str, reason: str | None
    ) -> tuple[pa.Table, list[str]]:
        name, lake = dataset.name, self._lake
        statement = f"select * from {name} where {where}"
        if reason is not None:
            disclose(lake, Disclosure(reason, statement, snapshot, [name]))
        hidden = nothing if reason is not None else hides(dataset.contract)
        with lake.get_connection() as connection:
            newest = lake.snapshot(connection)
            asked = Asked(
                snapshot=snapshot,
                newest=newest,
                names=[name],
                hides=lambda _: hidden,
                alone=reason is not None,
            )
            with answering(lake, connection, asked) as (engine, (shown,)):
                rows = engine.execute(statement).to_arrow_table()
        return rows, sorted(shown.masked)


@cache
def dataset_frames(find: Find) -> dg.IOManagerDefinition:
    """The resource by which plain assets read datasets; one for all that finds them in one way."""

    @dg.io_manager(required_resource_keys={"lake"}, description=DatasetFrames.__doc__)
    def datasets(context: dg.InitResourceContext) -> DatasetFrames:
        return DatasetFrames(context.resources.lake, find)

    return datasets


def _where(dataset: Dataset, keys: Sequence[str] | None) -> str:
    """The condition that a row lies in one of the partitions."""
    if keys is None or dataset.cadence is None:
        return "true"
    spans = [Span(dataset.cadence, *ends) for ends in _runs(dataset, sorted(keys))]
    if len(spans) > MOST_SPANS:
        raise UnmetNeedError.nothing_happened(
            f"{dataset.name} is read in {len(spans)} pieces that lie apart, {MOST_SPANS} at most",
            declared=dataset.declared,
            next="map the asset's partitions to neighbouring ones, or read all of the dataset",
        )
    return " or ".join(f"({span.filter(dataset.contract)})" for span in spans) or "false"


def _runs(dataset: Dataset, keys: list[str]) -> list[tuple[str, str]]:
    """The first and the last of each run of partitions that follow each other."""
    if not keys or dataset.cadence is None:
        return []
    if dataset.cadence.keys(keys[0], keys[-1]) == keys:
        return [(keys[0], keys[-1])]
    apart = [b for a, b in pairwise(keys) if dataset.cadence.keys(a, b) != [a, b]]
    firsts, lasts = [keys[0], *apart], []
    for first in apart:
        lasts.append(keys[keys.index(first) - 1])
    return list(zip(firsts, [*lasts, keys[-1]], strict=True))


def _tell(context: dg.InputContext, dataset: Dataset, snapshot: int) -> None:
    """Write beside each asset that the step makes which snapshot of the dataset it has read."""
    step = context.step_context
    for key in step.assets_def.keys if step.is_sda_step and step.assets_def else ():
        step.add_asset_metadata({f"input_snapshot/{dataset.name}": snapshot}, asset_key=key)
