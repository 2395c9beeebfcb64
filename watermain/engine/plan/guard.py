"""The largest request that is made without being asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watermain.engine.plan.due import StalePartition
from watermain.lake.ledger import Standing


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Bound what changes may ask for of one dataset at once; zero lets nothing through.

    Units: `rows` and `seconds` as the last publishes of the same partitions took; of those that
    are missing, as partitions of the dataset do on average.
    """

    partitions: int = 500
    rows: int = 100_000_000
    seconds: int = 3600

    def refuses(self, due: Sequence[StalePartition], own: Mapping[str, Standing]) -> str | None:
        """Why partitions are too many to be asked for; None where they are not."""
        rows, seconds = _expected(due, own)
        for found, bound, unit in (
            (len(due), self.partitions, "partitions"),
            (rows, self.rows, "rows"),
            (seconds, self.seconds, "seconds"),
        ):
            if due and (found > bound or bound == 0):
                return f"{found:,.0f} {unit} are more than the {bound:,} that nobody need ask for"
        return None


def _expected(due: Sequence[StalePartition], own: Mapping[str, Standing]) -> tuple[float, float]:
    """The rows and the seconds that partitions will take, judged by what they took."""
    count = max(1, len(own))
    rows = sum(s.rows for s in own.values()) / count
    seconds = sum(s.seconds for s in own.values()) / count
    return (
        sum(d.stands.rows if d.stands else rows for d in due),
        sum(d.stands.seconds if d.stands else seconds for d in due),
    )
