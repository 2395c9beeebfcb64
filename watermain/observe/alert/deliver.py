"""What is still to be told goes out, each in its turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from watermain.declare.errors import WatermainError
from watermain.failpoint import failpoint
from watermain.observe.alert.alert import Alert
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.way import Way

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)
MOST_AT_ONCE = 1000


@dataclass(frozen=True)
class Delivered:
    """How many tellings went out, with why others did not."""

    sent: int = 0
    failed: tuple[str, ...] = ()


def deliver(book: AlertBook, ways: Mapping[str, Way], now: datetime) -> Delivered:
    """Send what is due, in the order in which it was made, and note what came of each.

    Guarantees: what did not arrive stays and is tried again; of one cause, one notifier is told in
    order; nothing is sent by two processes at once.
    """
    sent, failed = 0, list[str]()
    with book.delivering() as connection:
        while connection is not None and sent + len(failed) < MOST_AT_ONCE:
            post = book.taken(connection, list(ways), now)
            if post is None:
                break
            failpoint("deliver.after_taken_before_sent")
            try:
                ways[post.notifier].send(post, now)
            except (WatermainError, OSError) as error:
                why = getattr(error, "what", str(error))
                pause = min(FIRST_PAUSE * 2 ** min(post.tries - 1, 20), LONGEST_PAUSE)
                book.failed(connection, post, why, now + pause)
                failed.append(why)
                continue
            failpoint("deliver.after_sent_before_noted")
            book.sent(connection, post, now)
            failpoint("deliver.after_noted")
            sent += 1
    return Delivered(sent, tuple(failed))


def keep(ways: Mapping[str, Way], alerts: Sequence[Alert], now: datetime) -> tuple[str, ...]:
    """Say what is open again where it may be forgotten; why that failed, where it did."""
    failed = list[str]()
    for way in ways.values():
        try:
            way.keep(alerts, now)
        except (WatermainError, OSError) as error:
            failed.append(getattr(error, "what", str(error)))
    return tuple(failed)
