"""What a stream has captured lately, by its own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from watermain.declare.name import DatasetName

WITHIN = timedelta(hours=1)  # before its newest batch
REACH = timedelta(days=2)  # a stream whose newest batch is older is not judged


@dataclass(frozen=True, kw_only=True)
class RecentBatches:
    """The batches of a stream in the hour that its newest one ends.

    Guarantees: rows_in = rows + quarantined + repeated.
    """

    dataset: DatasetName
    newest_at: datetime
    rows_in: int
    rows: int
    repeated: int
