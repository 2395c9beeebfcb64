"""A process that adopts a folder of Parquet, to be killed; run as a module, with its folder."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.watermain.engine.adopt.parquet import declared, job, proposed
from watermain.engine.adopt.registering import groups, registering
from watermain.lake.lake import Lake


def adopt(folder: Path) -> int:
    """Adopt what the folder holds; give how many files it took."""
    proposal = proposed(folder)
    dataset = declared(proposal)
    with registering(dataset, job(Lake.from_settings(), dataset)) as held:
        for group in groups(proposal.pieces):
            held.take(group)
    return held.done.files


if __name__ == "__main__":
    sys.stdout.write(str(adopt(Path(sys.argv[1]))))
