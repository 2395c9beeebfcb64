"""What every way to people can do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from watermain.declare.errors import TransientError
from watermain.observe.alert.alert import Alert
from watermain.observe.alert.book import Posted


class UndeliveredError(TransientError):
    """Report a telling that a service did not take; it is tried again."""


class Way(Protocol):
    """Lead tellings to people."""

    def send(self, post: Posted, now: datetime) -> None:
        """Hand one telling on; when it returns, the other side has it.

        Raises: UndeliveredError; what secrets the address holds is not in it.
        """

    def keep(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Say again what is still so, to a side that forgets."""


def undelivered(notifier: str, declared: str, why: str) -> UndeliveredError:
    """The error for what did not arrive."""
    return UndeliveredError(
        f"the notifier `{notifier}` did not take an alert: {why}",
        declared=declared,
        data="the alert is kept, and is tried again",
        next=f"watermain alert try {notifier}",
    )
