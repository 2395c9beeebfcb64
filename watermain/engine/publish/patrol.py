"""The data files of the lake verified in slices, each bounded in bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.publish.damage import partitions_of
from watermain.engine.publish.publication import Job
from watermain.lake.rest.inventory import Listed, inventory
from watermain.lake.rest.verification import (
    DAMAGED,
    UNVOUCHED,
    WHOLE,
    Verified,
    last_verified,
    verify,
)
from watermain.lake.rest.verification import record as keep

SLICE_BYTES = 2**30
SLICES = 360  # half of the hours of a month: the whole lake is through in time
AGAIN_AFTER = timedelta(days=14)
FILES_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Patrol:
    """What was found of files: each with its state, and the partitions of the damaged ones."""

    found: list[Verified] = field(default_factory=list)
    partitions: dict[str, str] = field(default_factory=dict)

    def count(self, state: str) -> int:
        """How many files are in a state."""
        return sum(f.state == state for f in self.found)

    @property
    def bytes(self) -> int:
        """How many bytes the catalog says that the files hold."""
        return sum(f.listed.bytes for f in self.found)

    @property
    def damaged(self) -> list[Verified]:
        """What is damaged; what the present snapshot reads comes first."""
        broken = [f for f in self.found if f.state == DAMAGED]
        return sorted(broken, key=lambda f: not f.listed.is_read)

    def snapshots(self, each: Verified) -> str:
        """The snapshots that read a file, in words."""
        begun, ended = each.listed.begun, each.listed.ended
        return f"since {begun}" if ended is None else f"{begun} to {ended - 1}"

    @property
    def facts(self) -> dict[str, object]:
        """The same for a script."""
        return {
            "files": len(self.found),
            "bytes": self.bytes,
            "whole": self.count(WHOLE),
            "first_seen": self.count(UNVOUCHED),
            "damaged": [
                {
                    "dataset": each.listed.dataset,
                    "partitions": self.partitions.get(each.listed.file, ""),
                    "file": each.listed.file,
                    "snapshots": self.snapshots(each),
                    "is_read": each.listed.is_read,
                    "why": each.why,
                }
                for each in self.damaged
            ],
        }


def patrol(files: Sequence[Listed], known: Mapping[DatasetName, Dataset], job: Job) -> Patrol:
    """Verify files; keep what was found in the ledger, a few hundred at a time.

    Guarantees: a file that nothing vouched for is vouched for from now on, marked as first seen.
    """
    made, by_name = Patrol(), {str(n): d for n, d in known.items()}
    with job.lake.get_connection() as connection:
        for begin in range(0, len(files), FILES_AT_ONCE):
            some = files[begin : begin + FILES_AT_ONCE]
            found = list(verify(job.lake, connection, some))
            broken = [f.listed for f in found if f.state == DAMAGED]
            partitions = partitions_of(job.lake, by_name, broken)
            keep(
                job.lake,
                connection,
                found,
                run_id=job.run_id,
                now=job.clock.now(),
                partitions=partitions,
            )
            made.found.extend(found)
            made.partitions.update(partitions)
    return made


def due(job: Job) -> list[Listed]:
    """The files of the next slice: what was never verified, newest first, and then the longest ago.

    Guarantees: at most a gigabyte, or a 360th of the lake where that is more; at least one file.
    """
    files = inventory(job.lake)
    with job.lake.get_connection() as connection:
        last = last_verified(connection)
    now = job.clock.now()
    never = [f for f in files if f.file not in last]
    old = [f for f in files if f.file in last and now - last[f.file] >= AGAIN_AFTER]
    most = max(SLICE_BYTES, sum(f.bytes for f in files) // SLICES)
    chosen: list[Listed] = []
    for each in (*never, *sorted(old, key=lambda f: last[f.file])):
        most -= each.bytes
        if chosen and most < 0:
            break
        chosen.append(each)
    return chosen
