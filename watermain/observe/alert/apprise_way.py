"""Alerts by any of the services that the library apprise knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from watermain.declare.connection.notifier import NotifierConnection
from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.machine.extras import need
from watermain.observe.alert.alert import Alert
from watermain.observe.alert.book import Posted
from watermain.observe.alert.calendar import shifts
from watermain.observe.alert.way import undelivered
from watermain.secrets import resolved
from watermain.settings import Settings

_HEADERS = ("json://", "jsons://")
_KINDS = {"fixed": "success", "heartbeat": "info", "maintenance": "info"}


class AppriseWay:
    """Send tellings to an address, or to whoever is on call.

    Guarantees: each telling is handed over at least once. A process that dies between a service's
    answer and the note of it sends once more: with the same `Idempotency-Key` where the service
    takes headers, with a line that says so everywhere.
    """

    def __init__(self, word: NotifierConnection, settings: Settings, folder: Path) -> None:
        need("alerts", declared=word.declared)
        self._word, self._settings, self._folder = word, settings, folder

    def send(self, post: Posted, now: datetime) -> None:
        """Send one telling to everybody who is to read it."""
        told = post.telling
        lines = [told.text]
        lines += ["sent before, too, perhaps"] if post.is_again else []
        for address in self.addresses(now):
            self._send(address, post, "\n".join(lines))

    def keep(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Do nothing: people do not forget, and reminders are tellings of their own."""

    def addresses(self, now: datetime) -> list[str]:
        """Where it goes at an instant: to those on call, to everybody where nobody is.

        Raises: InvalidDeclarationError, for somebody on call who has no address.
        """
        if not self._word.rota:
            return [self._word.address]
        return [self._word.people[each] for each in self.on_call(now)]

    def on_call(self, now: datetime) -> list[str]:
        """Who is told at an instant."""
        path = self._folder / self._word.rota
        found = shifts(rota_text(path), now, now + timedelta(seconds=1), declared=str(path))
        people = list(dict.fromkeys(each.person for each in found))
        if strangers := sorted(set(people) - set(self._word.people)):
            raise InvalidDeclarationError.nothing_happened(
                f"{strangers[0]} is on call and has no address",
                declared=self._word.declared,
                next=f"name one of {quoted(self._word.people)} in {path}, or add the address",
            )
        return people or list(self._word.people)

    def _send(self, address: str, post: Posted, text: str) -> None:
        import apprise

        url = resolved(address, self._settings)
        if url.startswith(_HEADERS):
            url += ("&" if "?" in url else "?") + f"+Idempotency-Key={_quoted(post.telling.id)}"
        service: Any = apprise.Apprise()
        if not service.add(url):
            raise self._lost("apprise knows no service of its address")
        kind = _KINDS.get(post.telling.kind, "failure")
        kept = apprise.LogCapture(level=apprise.logging.WARNING)
        with kept as said:
            if service.notify(body=text, title=post.telling.title, notify_type=kind):
                return
            lines = said.getvalue().strip().splitlines()
        reason = lines[0].split(" - ")[-1][:200] if lines else "no answer"
        raise self._lost(reason.replace(url, "its address"))

    def _lost(self, why: str) -> Exception:
        return undelivered(self._word.name, self._word.declared, why)


def rota_text(path: Path) -> str:
    """The calendar of a file.

    Raises: InvalidDeclarationError.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDeclarationError.nothing_happened(
            f"the calendar {path} cannot be read: {type(error).__name__}",
            declared=str(path),
            next=f"write it, in the format of iCalendar, or mend it: ls -l {path}",
        ) from None


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
