"""An incident is what its timeline says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from watermain.declare.name import DatasetName

EntryKind = Literal["opened", "reopened", "told", "repaired", "note", "closed"]


@dataclass(frozen=True, kw_only=True)
class IncidentEntry:
    """One line of a timeline, which is never changed; `by` is a person or `alerts`."""

    at: datetime
    kind: EntryKind
    by: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One incident with its timeline, oldest first.

    Shapes: `cause_id` is that of the alert which opened it, empty where a person did.
    Units: instants are UTC; `began_at` is the one clock, which reopening keeps.
    """

    number: int
    dataset: DatasetName
    title: str
    severity: str
    owner: str
    began_at: datetime
    entries: tuple[IncidentEntry, ...]
    cause_id: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits to be closed: an incident that was opened again does."""
        turns = [e.kind for e in self.entries if e.kind in ("opened", "reopened", "closed")]
        return not turns or turns[-1] != "closed"

    @property
    def repaired_at(self) -> datetime | None:
        """When the data was well again, for good as far as is known; None while it is not."""
        found: datetime | None = None
        for entry in self.entries:
            if entry.kind == "repaired" or (entry.kind == "closed" and found is None):
                found = entry.at
            elif entry.kind == "reopened":
                found = None
        return found

    @property
    def repair_time(self) -> timedelta | None:
        """From its beginning to its last repair, openings in between included: M12."""
        return None if self.repaired_at is None else self.repaired_at - self.began_at

    @property
    def state(self) -> str:
        """`open`, `repaired` while only the check is missing, or `closed`."""
        if not self.is_open:
            return "closed"
        return "open" if self.repaired_at is None else "repaired"

    @property
    def openings(self) -> int:
        """How often it began."""
        return 1 + sum(entry.kind == "reopened" for entry in self.entries)


def repair_times(incidents: Sequence[Incident]) -> list[timedelta]:
    """The repair times of incidents that were repaired, one each however often it was reopened."""
    return [each.repair_time for each in incidents if each.repair_time is not None]
