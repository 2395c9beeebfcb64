"""The lake's commits, asked in a process that ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from watermain.clock import instant_of, micros
from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import Pair
from watermain.settings import child_environment

PATIENCE = timedelta(minutes=5)


class AskedCommits:
    """Ask when partitions were first published, without holding an engine between the questions."""

    def ready(self, partitions: Mapping[DatasetName, Collection[str]]) -> dict[Pair, datetime]:
        """When each partition was first published; those that never were are left out.

        Raises: UnreachableSystemError.
        """
        wanted = {str(name): sorted(keys) for name, keys in partitions.items()}
        command = [sys.executable, "-m", "watermain.observe.asked"]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(wanted),
                capture_output=True,
                text=True,
                timeout=PATIENCE.total_seconds(),
                env=child_environment(),
                check=True,
            )
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", None) or str(error)
            raise UnreachableSystemError(
                f"the lake gave no answer about {sum(map(len, wanted.values()))} partitions:"
                f" {said.strip().splitlines()[0] if said.strip() else error}",
                declared="the ledger, upkeep.raw.publishes",
                data="no verdict was written; the next round asks again",
                next="watermain doctor",
            ) from error
        return {
            (DatasetName.parse(name), key): instant_of(at)
            for name, key, at in json.loads(done.stdout)
        }


def main() -> None:
    """Answer one question: JSON of datasets with partitions in, their instants out."""
    from watermain.engine.promise.published import LakeCommits
    from watermain.lake.lake import Lake

    asked = {DatasetName.parse(n): keys for n, keys in json.load(sys.stdin).items()}
    try:
        found = LakeCommits(Lake.from_settings()).ready(asked)
    except WatermainError as error:
        sys.exit(str(error))
    json.dump([[str(name), key, micros(at)] for (name, key), at in found.items()], sys.stdout)


if __name__ == "__main__":
    main()
