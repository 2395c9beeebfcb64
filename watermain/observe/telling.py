"""The step that tells people of broken promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from watermain.declare.connection.connection import Connection as Word
from watermain.observe.alert.alert import Alert, Maintenance, Sighting, Telling
from watermain.observe.alert.alertmanager import AGAIN
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.deliver import Delivered
from watermain.observe.alert.handed import handed
from watermain.observe.alert.step import AlertStep, Notifier, notifiers

NOBODY = (
    "nobody is told of broken promises: no notifier is declared in resources/notifiers.py;"
    " see them by `watermain alert list`"
)
Looking = Callable[[datetime, Sequence[Alert], Sequence[Maintenance]], tuple[Sighting, Lineage]]


class AlertTelling:
    """Look, decide, write down, have it delivered: once in each round.

    Guarantees: what is to be told is written before it is sent, and what was lost between the
    verdicts and that is found again by the next round. Without a notifier alerts are kept all the
    same, and that nobody is told is said once.
    """

    def __init__(
        self,
        book: AlertBook,
        looking: Looking,
        windows: Callable[[], Sequence[Maintenance]],
        known: Callable[[], Mapping[str, Word]],
        deliver: Callable[[datetime], Delivered] = handed,
    ) -> None:
        self._book, self._looking, self._windows = book, looking, windows
        self._known, self._deliver = known, deliver
        self._is_warned = False
        self._kept_at: datetime | None = None

    def __call__(self, now: datetime) -> str:
        """Take one look to the people; say what was told, or nothing.

        Raises: UnreachableSystemError; InvalidDeclarationError, of the notifiers.
        """
        words = notifiers(self._known())
        said = [NOBODY] if not words and not self._is_warned else []
        self._is_warned = not words
        open_, windows = self._book.listed(), self._windows()
        look, lineage = self._looking(now, open_, windows)
        step = AlertStep(self._book, lineage, words, {})
        if look.signals or open_ or windows:
            said += map(_line, *_taken(step.decide(look).tellings, words))
        step.beat(now)
        if self._is_due(words, open_, now):
            said += _outcome(self._deliver(now))
        return "\n".join(said)

    def _is_due(self, words: Mapping[str, Notifier], open_: Sequence[Alert], now: datetime) -> bool:
        """Whether something waits, or an Alertmanager has to hear again of what is open."""
        if not words:
            return False
        told = any(alert.is_told for alert in open_) and any(w.is_manager for w in words.values())
        at = self._kept_at
        if told and (at is None or not timedelta(0) <= now - at < AGAIN):
            self._kept_at = now
            return True
        return self._book.is_due(list(words), now)


def _taken(
    tellings: Sequence[Telling], words: Mapping[str, Notifier]
) -> tuple[Sequence[Telling], list[bool]]:
    """Tellings, with whether any notifier takes each."""
    return tellings, [
        any(w.takes(t.kind, t.severity, t.owner, t.level) for w in words.values()) for t in tellings
    ]


def _line(told: Telling, is_taken: bool) -> str:
    return told.title if is_taken else f"{told.title} (no notifier takes it)"


def _outcome(done: Delivered) -> Iterator[str]:
    if done.sent:
        yield f"{done.sent} delivered"
    yield from done.failed
