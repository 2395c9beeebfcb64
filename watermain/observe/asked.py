"""The lake's commits, asked in a process that ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from watermain.clock import instant_of, micros
from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import Pair
from watermain.observe.child import SilentChildError, asked

MODULE = "watermain.observe.asked"
PATIENCE = timedelta(minutes=5)


class AskedCommits:
    """Ask when partitions were first published, without holding an engine between the questions."""

    def ready(self, partitions: Mapping[DatasetName, Collection[str]]) -> dict[Pair, datetime]:
        """When each partition was first published; those that never were are left out.

        Raises: UnreachableSystemError.
        """
        wanted = {str(name): sorted(keys) for name, keys in partitions.items()}
        try:
            found = asked(MODULE, json.dumps(wanted), PATIENCE)
        except SilentChildError as error:
            raise UnreachableSystemError(
                f"the lake gave no answer about {sum(map(len, wanted.values()))} partitions:"
                f" {error.said.splitlines()[0] if error.said else error}",
                declared="the ledger, upkeep.raw.publishes",
                data="no verdict was written; the next round asks again",
                next="watermain doctor",
            ) from error
        return {(DatasetName.parse(name), key): instant_of(at) for name, key, at in found}


def main() -> None:
    """Answer one question: JSON of datasets with partitions in, their instants out."""
    from watermain.engine.promise.published import LakeCommits
    from watermain.lake.lake import Lake

    wanted = {DatasetName.parse(n): keys for n, keys in json.load(sys.stdin).items()}
    try:
        found = LakeCommits(Lake.from_settings()).ready(wanted)
    except WatermainError as error:
        sys.exit(str(error))
    json.dump([[str(name), key, micros(at)] for (name, key), at in found.items()], sys.stdout)


if __name__ == "__main__":
    main()
