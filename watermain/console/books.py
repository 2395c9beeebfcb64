"""The books in PostgreSQL, read for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from watermain.console.sessions import ReadingSessions, ReadVerdicts
from watermain.declare.name import DatasetName
from watermain.observe.incident.incident import Incident, IncidentEntry

MOST_LISTED = 200
_ALERTS = """
select cause_id, state, severity, root, began_at, resolved_at, facts from watermain.alert
where (state <> 'resolved' or resolved_at >= %s)
order by (state = 'resolved'), severity, began_at desc, cause_id limit %s
"""
_ALERT = ("cause_id", "state", "severity", "root", "began_at", "resolved_at", "facts")
_INCIDENTS = """
select i.number, i.dataset, i.title, i.severity, i.owner, i.began_at, coalesce(i.cause_id, ''),
    array_agg(e.kind order by e.at, e.number), array_agg(e.at order by e.at, e.number)
from watermain.incident i join watermain.incident_entry e on e.incident = i.number
group by i.number order by i.number desc limit %s
"""
_TRIES = """
select dataset, partition, tries, state, why, run, at from watermain.attempt
where state in ('failed', 'held', 'lost') {} order by at desc limit %s
"""
_WAITING = """
select notifier, count(*), min(made_at), max(tries), max(why) from watermain.outbox
where state <> 'sent' group by notifier order by min(made_at)
"""


@dataclass(frozen=True, kw_only=True)
class ShownAlert:
    """An alert as it stands in the book; what it says beside its columns may be of any release."""

    cause_id: str
    state: str
    severity: str
    root: str
    began_at: datetime
    resolved_at: datetime | None
    facts: Mapping[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether it is not repaired."""
        return self.state != "resolved"

    @property
    def told(self) -> list[str]:
        """What was found wrong, a sentence for each dataset that complains."""
        signals = self.facts.get("signals") or []
        return [f"{each.get('dataset')}: {each.get('told')}" for each in signals]

    def broken(self, promise: str) -> set[str]:
        """The datasets that it says break a promise, by the name of its indicator."""
        signals = self.facts.get("signals") or []
        return {str(s.get("dataset")) for s in signals if s.get("promise") == promise}

    @property
    def reached(self) -> set[str]:
        """The datasets that it is about: its root, those that complain, those below."""
        names = [*self.facts.get("members", ()), *self.facts.get("affected", ())]
        return {self.root, *map(str, names)}


@dataclass(frozen=True, kw_only=True)
class TriedPartition:
    """A partition whose last try did not publish it."""

    dataset: str
    partition: str
    tries: int
    state: str
    why: str
    run: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Undelivered:
    """What waits to be told by one notifier."""

    notifier: str
    count: int
    since: datetime
    tries: int
    why: str


class ShownBooks:
    """Read alerts, incidents, what was tried, and verdicts; write nothing.

    Raises: UnreachableSystemError.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self.sessions = ReadingSessions(dsn)
        self._verdicts, self._present = ReadVerdicts(self.sessions, dsn), set[str]()

    @property
    def verdicts(self) -> ReadVerdicts | None:
        """The book of verdicts; None before anything was promised."""
        return self._verdicts if self._has("evaluated") else None

    def alerts(self, since: datetime) -> list[ShownAlert]:
        """What is open or was repaired since an instant, pages before tickets."""
        rows = self._rows("alert", _ALERTS, [since, MOST_LISTED])
        return [ShownAlert(**dict(zip(_ALERT, row, strict=True))) for row in rows]

    def incidents(self) -> list[Incident]:
        """The last incidents, newest first, without the words of their timelines."""
        return [_incident(row) for row in self._rows("incident_entry", _INCIDENTS, [MOST_LISTED])]

    def tries(self, name: DatasetName | None = None) -> list[TriedPartition]:
        """The partitions that were tried in vain, of one dataset or of all, newest first."""
        which, words = ("", []) if name is None else ("and dataset = %s", [str(name)])
        rows = self._rows("attempt", _TRIES.format(which), [*words, MOST_LISTED])
        names = ("dataset", "partition", "tries", "state", "why", "run", "at")
        return [TriedPartition(**dict(zip(names, row, strict=True))) for row in rows]

    def undelivered(self) -> list[Undelivered]:
        """What waits to be told, by notifier."""
        names = ("notifier", "count", "since", "tries", "why")
        rows = self._rows("outbox", _WAITING, [])
        return [Undelivered(**dict(zip(names, row, strict=True))) for row in rows]

    def _rows(self, table: str, query: str, words: Sequence[object]) -> list[tuple[Any, ...]]:
        """What a query finds; nothing before its table was made."""
        if not self._has(table):
            return []
        with self.sessions.lent() as session:
            return session.execute(query, words).fetchall()  # type: ignore[arg-type]

    def _has(self, table: str) -> bool:
        """Whether a table was made; one that was is there for good."""
        if table not in self._present:
            with self.sessions.lent() as session:
                row = session.execute("select to_regclass(%s)", [f"watermain.{table}"]).fetchone()
            if row is None or row[0] is None:
                return False
            self._present.add(table)
        return True


def _incident(row: Sequence[Any]) -> Incident:
    number, dataset, title, severity, owner, began, cause, kinds, instants = row
    return Incident(
        number=number,
        dataset=DatasetName.parse(dataset),
        title=title,
        severity=severity,
        owner=owner,
        began_at=began.astimezone(UTC),
        cause_id=cause,
        entries=tuple(
            IncidentEntry(at=at.astimezone(UTC), kind=kind, by="", text="")
            for kind, at in zip(kinds, instants, strict=True)
        ),
    )
