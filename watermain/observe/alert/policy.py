"""How long each thing takes from a signal to the people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from watermain.observe.alert.alert import Alert

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When an alert fires, clears, is told again and goes to the next level.

    Units: `hold_for` is how long something is wrong before anybody is told, unless nothing else may
    explain it; `clear_after` how long it is gone before that is told, `reopen_within` how soon the
    same is no new cause. Somebody of the next level is told after each of `escalate_after` without
    an acknowledgement, counted from when it fired. Reminders come after `remind_after`, each pause
    twice the one before, up to `remind_at_most`.
    """

    hold_for: timedelta = timedelta(seconds=30)
    clear_after: timedelta = timedelta(minutes=2)
    reopen_within: timedelta = HOUR
    escalate_after: tuple[timedelta, ...] = (timedelta(minutes=15), timedelta(minutes=45))
    remind_after: timedelta = HOUR
    remind_at_most: timedelta = timedelta(hours=24)

    def hold(self, alert: Alert) -> timedelta:
        """How long an alert waits for what may explain it; one that is alone waits for nothing."""
        return timedelta(0) if alert.alone else self.hold_for

    def level(self, alert: Alert, now: datetime) -> int:
        """The level that an unacknowledged alert has reached; it never falls."""
        if alert.fired_at is None or alert.state != "firing" or alert.severity != "page":
            return alert.level
        past = sum(now - alert.fired_at >= each for each in self.escalate_after)
        return max(alert.level, past)

    def is_reminded(self, alert: Alert, now: datetime) -> bool:
        """Whether those who were told are told again."""
        if alert.reminded_at is None or alert.state not in ("firing", "acknowledged"):
            return False
        pause = min(self.remind_after * 2 ** min(alert.reminders, 20), self.remind_at_most)
        return bool(now - alert.reminded_at >= pause)


USUAL = Patience()
