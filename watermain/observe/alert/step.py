"""One round of telling people: evaluate, write down, deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from psycopg import Connection

from watermain.declare.connection.connection import Connection as Word
from watermain.declare.connection.notifier import AlertmanagerConnection, NotifierConnection
from watermain.failpoint import failpoint
from watermain.observe.alert.alert import Maintenance, Sighting, Telling
from watermain.observe.alert.alertmanager import AlertmanagerWay
from watermain.observe.alert.apprise_way import AppriseWay, rota_text
from watermain.observe.alert.book import OVERDUE, AlertBook, Posted
from watermain.observe.alert.calendar import windows
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.decide import Decided, decide
from watermain.observe.alert.deliver import Delivered, deliver, keep
from watermain.observe.alert.policy import USUAL, Patience
from watermain.observe.alert.way import Way
from watermain.observe.incident.book import follow, prepare
from watermain.settings import Settings

Notifier = NotifierConnection | AlertmanagerConnection
CALENDAR = "maintenance.ics"
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RoundTold:
    """What one round came to."""

    decided: Decided
    delivered: Delivered


class AlertStep:
    """Take what a look at the promises found to the people, a round at a time.

    `notifiers` are the declared ways by name. Guarantees: what is decided is written in one
    transaction before anything is sent; a process that dies anywhere does neither lose a telling
    nor make another one of it; the next round goes on where it died.
    """

    def __init__(
        self,
        book: AlertBook,
        lineage: Lineage,
        notifiers: Mapping[str, Notifier],
        ways: Mapping[str, Way],
        patience: Patience = USUAL,
    ) -> None:
        self._book, self._patience, self.lineage = book, patience, lineage
        self._notifiers, self._ways = notifiers, ways

    def step(self, look: Sighting) -> RoundTold:
        """Decide on one look and deliver what is due.

        Raises: UnreachableSystemError, where the catalog's database does not answer.
        """
        return RoundTold(self.decide(look), self.deliver(look.at))

    def decide(self, look: Sighting) -> Decided:
        """Decide on one look, and write down what is to be told; nothing is sent."""
        with self._book.connected() as connection:
            decided = self.decide_in(connection, look)
            failpoint("alert.before_commit")
        failpoint("alert.after_commit_before_deliver")
        return decided

    def decide_in(self, connection: Connection, look: Sighting) -> Decided:
        """Decide on one look inside the transaction of whoever wrote down what it saw."""
        before = self._book.standing(connection, look.at - self._patience.reopen_within)
        decided = decide(before, look, self.lineage, self._patience)
        tellings = [*decided.tellings, *_announced(look.windows, look.at)]
        posts = [post for each in tellings for post in self._posts(each)]
        failpoint("alert.after_decided_before_written")
        self._book.write(connection, decided.alerts, posts)
        if decided.tellings:
            prepare(connection)
            follow(connection, decided.tellings)
        return decided

    def deliver(self, now: datetime) -> Delivered:
        """Send what is due, with a sign of life where all of it has arrived."""
        open_ = self._book.listed()
        self.beat(now)
        done = deliver(self._book, self._ways, now)
        return Delivered(done.sent, done.failed + keep(self._ways, open_, now))

    def _posts(self, told: Telling) -> list[Posted]:
        return [
            Posted(telling=told, notifier=name)
            for name, word in self._notifiers.items()
            if word.takes(told.kind, told.severity, told.owner, told.level)
        ]

    def beat(self, now: datetime) -> None:
        """Put a sign of life into the outbox, unless something that is overdue lies there."""
        late = {post.notifier for post in self._book.undelivered(now, OVERDUE)}
        due = [
            Posted(telling=heartbeat(name, word.heartbeat_every, now), notifier=name)
            for name, word in self._notifiers.items()
            if word.heartbeat_every is not None and not late & self._notifiers.keys()
        ]
        if due:
            with self._book.connected() as connection:
                self._book.write(connection, [], due)


def heartbeat(notifier: str, every: timedelta, now: datetime) -> Telling:
    """The sign of life of this moment; a moment lasts `every`."""
    beat = (now - _EPOCH) // every
    return Telling(
        id=f"heartbeat/{notifier}/{beat}",
        kind="heartbeat",
        cause_id="heartbeat",
        severity="ticket",
        owner="",
        level=0,
        title="[alive] promises are judged, and what is told arrives",
        text=f"the next sign of life is due within {int(every.total_seconds())} s",
        at=now,
        began_at=_EPOCH + beat * every,
    )


def ways(notifiers: Mapping[str, Notifier], settings: Settings, folder: Path) -> dict[str, Way]:
    """Open the way of each declared notifier; nothing is sent.

    Raises: MissingExtraError.
    """
    return {
        name: AlertmanagerWay(word, settings)
        if isinstance(word, AlertmanagerConnection)
        else AppriseWay(word, settings, folder)
        for name, word in notifiers.items()
    }


def notifiers(words: Mapping[str, Word]) -> dict[str, Notifier]:
    """Those of the declared connections that lead to people."""
    kinds = (NotifierConnection, AlertmanagerConnection)
    return {name: word for name, word in words.items() if isinstance(word, kinds)}


def maintenance(folder: Path, now: datetime) -> tuple[Maintenance, ...]:
    """The windows around an instant, out of the project's calendar; none where it has none.

    Raises: InvalidDeclarationError, MissingExtraError.
    """
    path = folder / CALENDAR
    if not path.exists():
        return ()
    return _windows(rota_text(path), now.replace(minute=0, second=0, microsecond=0), str(path))


@lru_cache(maxsize=2)
def _windows(text: str, hour: datetime, declared: str) -> tuple[Maintenance, ...]:
    """What a calendar says around an hour, so that it is read once in each."""
    day = timedelta(days=1)
    return tuple(windows(text, hour - day, hour + day, declared=declared))


def _announced(found: Sequence[Maintenance], at: datetime) -> list[Telling]:
    """What is told at the beginning of a window, and what at its end."""
    lately = timedelta(minutes=15)
    told = []
    for window in found:
        for word, when in (("begins", window.begins_at), ("is over", window.ends_at)):
            if when <= at < when + lately:
                told.append(_of_window(window, word, when, at))
    return told


def _of_window(window: Maintenance, word: str, when: datetime, at: datetime) -> Telling:
    cause = f"maintenance/{window.name}/{window.begins_at:%Y%m%dT%H%M%SZ}"
    budget = "are left out of" if window.budget == "excused" else "stay in"
    until = f"{window.begins_at:%Y-%m-%d %H:%M} to {window.ends_at:%Y-%m-%d %H:%M} UTC"
    return Telling(
        id=f"{cause}/{word}",
        kind="maintenance",
        cause_id=cause,
        severity="ticket",
        owner="",
        level=0,
        title=f"[maintenance] {window.name} {word}",
        text=f"{until}: {', '.join(window.covers)}; promises due in it {budget} the budget",
        at=at,
        began_at=when,
    )
