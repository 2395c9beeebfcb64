"""The step that runs what mends, where somebody declared that it may."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.promise.remedy import Remedy
from watermain.engine.rooms.connections import anew, written_at
from watermain.observe.alert.alert import Alert
from watermain.observe.alert.book import AlertBook
from watermain.observe.runbook.book import RunbookBook
from watermain.observe.runbook.page import OURS
from watermain.observe.runbook.shelf import named_runbook
from watermain.observe.runbook.symptom import page_of
from watermain.settings import child_environment, project

REMEDY = "remedy"  # who ran what nobody asked for
AGAIN = timedelta(minutes=15)  # before the same alert has its remedy once more
DAY = timedelta(days=1)
Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


def remedies() -> tuple[Remedy, ...]:
    """What the project's `resources/remedies.py` declares; nothing without one.

    Raises: InvalidDeclarationError, for a file that cannot be imported, a runbook that is none or
    that has nothing which mends.
    """
    module = f"{project().resources}.remedies"
    if written_at(module) is None:
        return ()
    found = tuple(each for each in vars(anew(module)).values() if isinstance(each, Remedy))
    for each in found:
        if not any(step.kind == "mend" for step in named_runbook(each.runbook).steps):
            raise InvalidDeclarationError.nothing_happened(
                f"the runbook `{each.runbook}` has no command that mends",
                declared=each.declared,
                next=f"leave the remedy out, or mark one: watermain runbook show {each.runbook}",
            )
    return found


def started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command of ours that goes on beside this process."""
    return subprocess.Popen(
        [sys.executable, "-m", OURS, *words],
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class KnownRemedies:
    """The declared remedies, read again when their file was written again."""

    def __init__(self) -> None:
        self._at: int | None = None
        self._found: tuple[Remedy, ...] = ()

    def __call__(self) -> tuple[Remedy, ...]:
        """What is declared now. Raises: InvalidDeclarationError."""
        at = written_at(f"{project().resources}.remedies")
        if at is None:
            self._found = ()
        elif at != self._at:
            self._found = ()
            self._found = remedies()
        self._at = at
        return self._found


@dataclass
class Remedying:
    """Run what mends for alerts that people were told of, one at a time.

    Guarantees: nothing is run that no remedy declares. What was begun is counted by the book and
    not by this process, so that one which dies neither forgets nor doubles it; the same alert has
    its remedy again after a quarter of an hour, as long as the day's bound has room.
    """

    book: Callable[[], RunbookBook]
    alerts: AlertBook
    known: Callable[[], Sequence[Remedy]] = field(default_factory=KnownRemedies)
    start: Start = started
    _running: tuple[str, subprocess.Popen[bytes]] | None = None

    def __call__(self, now: datetime) -> str:
        """Say what ended, and start what is due.

        Raises: InvalidDeclarationError, of a remedy; UnreachableSystemError.
        """
        words = self.known()
        said = list(self._ended())
        if not words or self._running is not None:
            return "\n".join(said)
        for alert in self.alerts.listed():
            for remedy in words:
                if self._is_due(alert, remedy, now):
                    said.append(self._begin(alert, remedy))
                    return "\n".join(said)
        return "\n".join(said)

    def _ended(self) -> Iterator[str]:
        if self._running is not None and (code := self._running[1].poll()) is not None:
            yield f"{self._running[0]} ended with {code}"
            self._running = None

    def _is_due(self, alert: Alert, remedy: Remedy, now: datetime) -> bool:
        """Whether an alert is one that the remedy is for, and has room and time for it."""
        pages = {page_of(each.promise) for each in alert.signals if each.dataset == alert.root}
        if not alert.is_told or remedy.runbook not in pages or not remedy.holds(alert.root):
            return False
        taken = [
            each
            for each in self.book().taken([alert.root], now - DAY)
            if each.is_automatic and each.case.runbook == remedy.runbook
        ]
        is_fresh = all(now - each.at >= AGAIN for each in taken)
        return is_fresh and len(taken) < remedy.commands_a_day

    def _begin(self, alert: Alert, remedy: Remedy) -> str:
        words = ["runbook", "run", remedy.runbook, "--dataset", str(alert.root)]
        own = (s.partitions for s in alert.signals if s.dataset == alert.root)
        newest = next((keys[-1] for keys in own if keys and keys[-1]), None)
        words += ["--partition", newest] if newest else []
        told = f"runbook {remedy.runbook} for {alert.root}{f' {newest}' if newest else ''}"
        self._running = told, self.start([*words, "--most", str(remedy.commands_a_day)])
        return f"{told} begins"
