"""One cause that breaks promises, as far as people have been told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Severity, Signal

AlertState = Literal["pending", "firing", "acknowledged", "resolved"]
TellingKind = Literal[
    "fired", "raised", "escalated", "reminder", "fixed", "maintenance", "heartbeat"
]


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One cause, from the look that found it to its repair.

    Shapes: `cause_id` names the dataset that was found to be the cause and the instant, and never
    changes; `root` moves up when something above it is found wrong. `signals` are what the last
    look that saw any saw, `members` every dataset that ever complained of it, `told` what people
    were told: severity and level of escalation. `openings` counts how often it began. `alone` is
    the promise of signals that nothing upstream explains; such an alert has no others.
    Units: instants are UTC; `began_at` is the clock of the repair, which reopening keeps.
    """

    cause_id: str
    root: DatasetName
    severity: Severity
    owner: str
    began_at: datetime
    signals: tuple[Signal, ...]
    members: tuple[DatasetName, ...]
    affected: tuple[DatasetName, ...] = ()
    consumers: tuple[str, ...] = ()
    state: AlertState = "pending"
    openings: int = 1
    pending_since: datetime
    absent_since: datetime | None = None
    fired_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_until: datetime | None = None
    resolved_at: datetime | None = None
    level: int = 0
    reminded_at: datetime | None = None
    reminders: int = 0
    held_by: str = ""
    proof: str = ""
    told: tuple[tuple[Severity, int], ...] = ()
    alone: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is not repaired."""
        return self.state != "resolved"

    @property
    def is_told(self) -> bool:
        """Whether anybody was told, so that its repair is told, too."""
        return bool(self.told)

    @property
    def lasted(self) -> timedelta | None:
        """How long it took from its beginning to its repair; None while it is open."""
        return None if self.resolved_at is None else self.resolved_at - self.began_at


@dataclass(frozen=True, kw_only=True)
class Ailment:
    """A dataset that failed or waits, whether or not it promises anything.

    Shapes: `run` is the run that failed, empty where none did.
    Guarantees: it explains what breaks below it, and tells nobody by itself.
    """

    dataset: DatasetName
    why: str
    at: datetime
    run: str = ""


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """A window that was announced, in which nobody is told of what begins.

    Shapes: `covers` are names of datasets or of rooms; `budget` says what becomes of promises due
    in it: `counts` leaves them in the budget, `excused` takes them out.
    """

    name: str
    covers: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    budget: Literal["counts", "excused"]

    def holds(self, dataset: DatasetName, at: datetime) -> bool:
        """Whether it covers a dataset at an instant; its end is no part of it."""
        named = str(dataset) in self.covers or dataset.team in self.covers
        return named and self.begins_at <= at < self.ends_at


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What one look at all promises found.

    Shapes: `unmeasured` are datasets that could not be judged: what is wrong with them is not over.
    `proofs` says, of datasets that are well, what shows it.
    """

    at: datetime
    signals: tuple[Signal, ...] = ()
    ailments: tuple[Ailment, ...] = ()
    unmeasured: frozenset[DatasetName] = frozenset()
    windows: tuple[Maintenance, ...] = ()
    proofs: Mapping[DatasetName, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Telling:
    """One thing that people are told.

    Shapes: `levels` are severity and level of all that was told of the alert until now.
    Guarantees: what is told twice has the same `id`; two things never share one.
    """

    id: str
    kind: TellingKind
    cause_id: str
    severity: Severity
    owner: str
    level: int
    title: str
    text: str
    at: datetime
    began_at: datetime
    levels: tuple[tuple[Severity, int], ...] = ()


def labels(cause_id: str, owner: str, told: tuple[str, int]) -> dict[str, str]:
    """The words by which an Alertmanager knows one alert from another."""
    severity, level = told
    dataset = cause_id.partition("@")[0]
    return {
        "alertname": "BrokenPromise",
        "cause_id": cause_id,
        "dataset": dataset,
        "room": dataset.partition(".")[0],
        "owner": owner,
        "severity": severity,
        "level": str(level),
    }
