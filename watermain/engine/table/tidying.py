"""One round through the lake that makes it smaller, its rows unchanged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from watermain.declare.dataset import Dataset
from watermain.declare.errors import DamagedDataError, LostLeaseError, UnreadableRowsError
from watermain.declare.name import DatasetName
from watermain.engine.table.compaction import (
    compact_under_lease,
    crowded,
    fill_under_lease,
    hollow,
)
from watermain.lake.lake import Lake
from watermain.lake.quarantine import forget
from watermain.lake.rest.expiry import Depth, Expired, expire, release
from watermain.lake.rest.ledger_files import Packed, pack_ledger
from watermain.lake.rest.rewrite import Rewrite
from watermain.lake.rest.sweep import GRACE

LOG = logging.getLogger("watermain.tidying")
LONGEST = timedelta(minutes=30)  # after which no other dataset is begun
WAIT_SECONDS = 5.0

Work = Callable[[Lake, DatasetName, float], list[Rewrite]]


@dataclass(frozen=True, kw_only=True)
class Tidied:
    """What was written again, whose files were left as they are, and what was forgotten.

    Units: `aside` are rows of quarantines.
    """

    done: tuple[Rewrite, ...] = ()
    left: tuple[str, ...] = ()
    aside: int = 0
    expired: Expired = field(default_factory=Expired)
    ledger: Packed = field(default_factory=Packed)

    @property
    def files(self) -> tuple[int, int]:
        """Files before, and what they have become."""
        return sum(d.files_before for d in self.done), sum(d.files_after for d in self.done)


def tidy_lake(
    lake: Lake,
    datasets: Iterable[Dataset],
    depth: Depth,
    *,
    grace: timedelta = GRACE,
    needed: Collection[int] = (),
) -> Tidied:
    """Make many small files few, fill hollow ones, and forget what nobody needs.

    What is forgotten are rows in quarantine by their contracts' terms, and old snapshots, but for
    those that are `needed`. The ledger's rows go into files by the engine's own calls, for other
    new rows would read as news to all who ask what came since a snapshot.

    Guarantees: each dataset under its lease, with its rows proved; one whose writer is at work, or
    whose files are damaged, is left as it is. What is read now is written again before what is
    forgotten gives it up, and no file is deleted.
    Raises: ChangedRowsError or UnreachableSystemError.
    """
    known = {dataset.name: dataset for dataset in datasets if not dataset.is_platforms}
    done, left, aside = list[Rewrite](), list[str](), 0
    began = time.monotonic()
    for name, work in _due(lake, [*known]):
        if time.monotonic() - began > LONGEST.total_seconds():
            left.append(f"{name}: no time was left")
            continue
        with _noted(name, left):
            done += work(lake, name, WAIT_SECONDS)
    for name, dataset in known.items():
        if (days := dataset.contract.quarantine.keep_days) is not None:
            with _noted(name, left):
                aside += forget(lake, name, timedelta(days=days), WAIT_SECONDS)
    packed = pack_ledger(lake)
    released = release(lake, grace=grace)
    expired = replace(expire(lake, depth, needed=needed), released=released)
    return Tidied(
        done=tuple(done), left=(*left, *packed.left), aside=aside, expired=expired, ledger=packed
    )


@contextmanager
def _noted(name: DatasetName, left: list[str]) -> Iterator[None]:
    """Note what was left as it is; go on with the next."""
    try:
        yield
    except LostLeaseError:
        left.append(f"{name}: its writer is at work")
    except (DamagedDataError, UnreadableRowsError) as error:
        LOG.error("files left as they are: %s", error.what)
        left.append(error.what)


def _due(lake: Lake, names: list[DatasetName]) -> Iterator[tuple[DatasetName, Work]]:
    with lake.get_connection() as connection:
        small = crowded(connection, names)
    for name in small:
        yield name, compact_under_lease
    for name in hollow(lake, names):
        yield name, fill_under_lease
