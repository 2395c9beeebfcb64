"""The work of a process that is killed while it tells people of broken promises."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import apprise

from tests.watermain.observe.trouble import CHAIN, MINUTE, NOON, late
from watermain import durable
from watermain.declare.connection.notifier import NotifierConnection
from watermain.observe.alert.alert import Maintenance, Sighting
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.decide import decide
from watermain.observe.alert.policy import Patience
from watermain.observe.alert.step import AlertStep, notifiers, ways
from watermain.settings import load_settings

SERVICES = apprise.Apprise().add("json://127.0.0.1")  # loads them once, for all who are forked
LOOKS = 24
LAST = timedelta(hours=12)
DATASETS = ("orders", "lines", "report", "stock", "shelf")
WINDOW = Maintenance(
    name="patches",
    covers=("shop.curated.stock",),
    begins_at=NOON + 10 * MINUTE,
    ends_at=NOON + 25 * MINUTE,
    budget="counts",
)


def looks(seed: int) -> Iterator[Sighting]:
    """Looks at a shop whose datasets fall ill and get well by chance, until all are well."""
    chance, at, ill = random.Random(seed), NOON, set[str]()
    for _ in range(LOOKS):
        at += MINUTE * chance.choice((1, 1, 2, 5, 20))
        for each in DATASETS:
            if chance.random() < 0.25:
                ill ^= {each}
        severity = chance.choice(("page", "page", "ticket"))
        signals = tuple(late(each, at, severity) for each in sorted(ill))
        yield Sighting(at=at, signals=signals, windows=(WINDOW,))
    for minutes in (1, 4, 9):
        yield Sighting(at=at + LAST + minutes * MINUTE)
    # What was refused is due again by then, a quarter of an hour at most after each try.
    for quarter in range(1, 9):
        yield Sighting(at=at + LAST + quarter * 16 * MINUTE)


def expected(seed: int) -> set[str]:
    """The ids of what people must be told, by the decisions alone, without any database."""
    alerts: dict[str, object] = {}
    told = set[str]()
    for look in looks(seed):
        decided = decide(tuple(alerts.values()), look, CHAIN, Patience())  # type: ignore[arg-type]
        alerts |= {alert.cause_id: alert for alert in decided.alerts}
        told |= {each.id for each in decided.tellings}
    return told


def tell(port: int, seed: int, done: Path) -> None:
    """Go through the looks that are not done, each a whole step; note how far it went."""
    words = (
        NotifierConnection(name, address=f"json://127.0.0.1:{port}/{name}", level=level)
        for level, name in enumerate(("pager", "boss", "chief"))
    )
    known = notifiers({each.name: each for each in words})
    settings = load_settings()
    assert settings.postgres is not None
    opened = ways(known, settings, done.parent)
    step = AlertStep(AlertBook(settings.postgres), CHAIN, known, opened)
    first = int(done.read_text()) if done.exists() else 0
    for number, look in enumerate(looks(seed)):
        if number >= first:
            step.step(look)
            durable.replace(done, str(number + 1))
