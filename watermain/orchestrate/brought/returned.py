"""What a plain asset returned, on its way into a raw dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import dagster as dg
from dagster._core.storage.asset_value_loader import AssetValueLoader

from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError
from watermain.declare.outside.brought import DagsterAsset
from watermain.orchestrate.tags import FRAMES
from watermain.settings import load_settings
from watermain.source.brought.frames import FrameSource
from watermain.source.outside import Outside

Cut = Mapping[dg.AssetKey, Callable[[], dg.AssetsDefinition]]
NONE_CUT: Cut = MappingProxyType({})
WHOLE = "asset"  # the shard of an asset without partitions


def returning(dataset: Dataset) -> tuple[dg.AssetKey, ...]:
    """The asset whose frames a dataset captures; none where its rows come from elsewhere."""
    word = dataset.source
    return (dg.AssetKey(word.key.split("/")),) if isinstance(word, DagsterAsset) else ()


def frame_source(
    context: dg.AssetExecutionContext, dataset: Dataset, cut: Cut
) -> FrameSource | None:
    """The source of a dataset that captures frames, with those that wait; None for any other.

    Shapes: `cut` are the plain assets of the room that have partitions.

    Guarantees: what was never materialized is waited for; each frame is loaded by the asset's own
    I/O manager when its turn comes.
    """
    for key in returning(dataset):
        loads = partial(_loaded, context, dataset, key, cut)
        frames = {shard: partial(loads, part) for shard, part in _waiting(context, key, cut)}
        return FrameSource.of(dataset, Outside(load_settings()), frames)
    return None


def _waiting(
    context: dg.AssetExecutionContext, key: dg.AssetKey, cut: Cut
) -> Iterator[tuple[str, str | None]]:
    """The shards that may have a new frame, each with the partition that it is."""
    if key in cut:
        told = context.run.tags.get(FRAMES)
        names = json.loads(told) if told else context.instance.get_materialized_partitions(key)
        yield from ((str(name), str(name)) for name in sorted(names))
    elif context.instance.get_latest_materialization_event(key) is not None:
        yield WHOLE, None


def _loaded(
    context: dg.AssetExecutionContext,
    dataset: Dataset,
    key: dg.AssetKey,
    cut: Cut,
    partition: str | None,
) -> Any:
    """What the asset's I/O manager gives back.

    Raises: SourceError, for whatever that one raises.
    """
    try:
        if partition is None:
            return context.load_asset_value(key)
        with AssetValueLoader({key: cut[key]()}, instance=context.instance) as loader:
            return loader.load_asset_value(key, partition_key=partition)
    except OSError:
        raise
    except Exception as error:  # the team's own I/O manager, whatever it raises
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        of = f" [{partition}]" if partition else ""
        raise SourceError.nothing_read(
            f"{dataset.name}: the value of {key.to_user_string()}{of} cannot be loaded: {said}",
            declared=dataset.declared,
            next=f"materialize {key.to_user_string()} anew, or mend its I/O manager",
        ) from error
