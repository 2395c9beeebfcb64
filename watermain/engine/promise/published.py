"""When partitions were first published, by the ledger of the lake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from watermain.clock import instant_of
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import Pair
from watermain.lake import ledger
from watermain.lake.lake import Lake, text


class LakeCommits:
    """Ask the ledger, whose rows commit with the partitions that they tell of.

    Guarantees: every publish counts that ever was, whoever made it; a later one moves nothing.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def ready(self, partitions: Mapping[DatasetName, Collection[str]]) -> dict[Pair, datetime]:
        """When each partition was first published; those that never were are left out.

        Raises: UnreachableSystemError.
        """
        names = {str(name): name for name, keys in partitions.items() if keys}
        keys = {key for found in partitions.values() for key in found}
        if not names:
            return {}
        with self._lake.get_connection() as connection:
            rows = connection.execute(
                "select dataset, partition, epoch_us(min(published_at))"
                f" from {ledger.PUBLISHES} where dataset in ({', '.join(map(text, names))})"
                f" and partition in ({', '.join(map(text, sorted(keys)))}) group by all"
            ).fetchall()
        return {
            (names[name], key): instant_of(at)
            for name, key, at in rows
            if key in partitions[names[name]]
        }
