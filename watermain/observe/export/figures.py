"""What one scrape tells, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watermain.declare.name import DatasetName


@dataclass(frozen=True, kw_only=True)
class PromiseFigures:
    """How one promise stands at one instant.

    Shapes: `group` is the group of promises that share their rules (`groups.py`). `partitions`
    counts what was due in the window of the objective, by verdict. `scheduled` and `bad` are the
    minutes of each window of the burn rules, by its name (`5m` .. `72h`), and `late` counts the
    late ones among the last so many partitions.
    Guarantees: minutes, `is_bad` and `is_promised` are None where nobody can tell whether the
    newest partition is there; such a dataset has no series of them, and never a zero.
    """

    dataset: DatasetName
    group: str
    owner: str
    tier: int
    severity: str
    state: str
    partitions: Mapping[str, int]
    objective: float
    allowed: int
    left: int
    coverage: float
    late: Mapping[int, int]
    is_missing: bool
    is_promised: bool
    is_bad: bool | None = None
    scheduled: Mapping[str, int] = field(default_factory=dict)
    bad: Mapping[str, int] = field(default_factory=dict)

    def burn(self, window: str) -> float | None:
        """The multiple of what the objective allows; None where nothing was scheduled."""
        minutes = self.scheduled.get(window)
        return self.bad[window] / minutes / (1 - self.objective) if minutes else None

    @property
    def is_calm(self) -> bool:
        """Whether time alone changes nothing of it: no minute was bad, and all are promised."""
        return not self.is_missing and not any(self.bad.values())


@dataclass(frozen=True, kw_only=True)
class LakeFigures:
    """What the lake holds of one dataset, and what was published of it.

    Shapes: `rows` and `bytes` are those of its live files; None where it has no table. What was
    published is None until the ledger was asked.
    Units: `published_rows` and `published_bytes` are of all publishes together.
    """

    dataset: str
    rows: int | None = None
    bytes: int | None = None
    publishes: int | None = None
    published_rows: int | None = None
    published_bytes: int | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CaptureFigures:
    """What the ledger knows of one captured dataset.

    Units: `reached_at` is the event time up to which its slowest shard was captured.
    """

    dataset: str
    batches: int
    rows: int
    aside: int
    committed_at: datetime
    reached_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class AlertFigures:
    """Who is told of what.

    Shapes: `open` counts alerts by state and severity; `causes` has the cause of the oldest open
    alert that names a dataset; `waiting` counts what is not delivered, by notifier, with when the
    oldest of it was made; `incidents` are those not closed, None where nobody asked.
    """

    open: Mapping[tuple[str, str], int] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, tuple[int, datetime]] = field(default_factory=dict)
    incidents: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlatformFigures:
    """What runs.

    Shapes: `services` says of each that should run whether it lives; `runs` counts by state those
    that have not ended, `ended` those that ended within the last hour.
    """

    services: Mapping[str, bool] = field(default_factory=dict)
    runs: Mapping[str, int] = field(default_factory=dict)
    ended: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AllFigures:
    """All that one scrape tells.

    Shapes: `unread` names the parts that could not be read, of which there is no series then.
    """

    at: datetime
    evaluated_at: datetime | None = None
    ledger_at: datetime | None = None
    platform: PlatformFigures = field(default_factory=PlatformFigures)
    promises: tuple[PromiseFigures, ...] = ()
    lake: tuple[LakeFigures, ...] = ()
    captures: tuple[CaptureFigures, ...] = ()
    alerts: AlertFigures = field(default_factory=AlertFigures)
    unread: tuple[str, ...] = ()
