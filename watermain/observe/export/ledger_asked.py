"""What the ledger has gained, asked in a process that ends."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.observe.child import SilentChildError, asked

MODULE = "watermain.observe.export.ledger_asked"
PATIENCE = timedelta(minutes=2)
PUBLISHES_OF = (
    "select dataset, count(*), sum(rows_out)::bigint, sum(bytes)::bigint,"
    " epoch_us(max(published_at)) from {} group by 1"
)
BATCHES_OF = (
    "select stream, count(*), sum(rows)::bigint, sum(quarantined)::bigint,"
    " epoch_us(max(committed_at)), epoch_us(max(watermark_at)) from {} group by 1"
)


@dataclass(frozen=True, kw_only=True)
class Gained:
    """What the ledger gained up to a snapshot.

    Shapes: a row of `publishes` is a dataset, the partitions published, their rows and bytes, and
    when the last was; a row of `batches` is a dataset, its batches, their rows, those put aside,
    when the last was committed, and the event time that it reached.
    Units: instants are microseconds since 1970.
    """

    snapshot: int
    publishes: list[list[Any]]
    batches: list[list[Any]]


def gained(since: int | None) -> Gained:
    """What the ledger gained after a snapshot, or ever.

    Raises: UnreachableSystemError.
    """
    try:
        return Gained(**asked(MODULE, json.dumps(since), PATIENCE))
    except SilentChildError as error:
        lines = error.said.splitlines()
        said = lines[-1 if lines[0].startswith("Traceback") else 0] if lines else str(error)
        raise UnreachableSystemError(
            f"the lake does not say what was published: {said}",
            declared="the ledger, upkeep.raw.publishes and upkeep.raw.batches",
            data="the figures of the lake are those of before; the next look asks again",
            next="watermain doctor",
        ) from error


def main() -> None:
    """Answer one question: a snapshot in, what was gained since out."""
    from watermain.lake import ledger
    from watermain.lake.lake import Lake

    since, lake = json.load(sys.stdin), Lake.from_settings()
    try:
        with lake.get_connection() as connection:
            present = lake.snapshot(connection)
            tables = {PUBLISHES_OF: ledger.PUBLISHES, BATCHES_OF: ledger.BATCHES}
            found = [
                connection.execute(
                    of.format(name if since is None else ledger.inserted(name, int(since), present))
                ).fetchall()
                for of, name in tables.items()
            ]
    except WatermainError as error:
        sys.exit(str(error))
    json.dump({"snapshot": present, "publishes": found[0], "batches": found[1]}, sys.stdout)


if __name__ == "__main__":
    main()
