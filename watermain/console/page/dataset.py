"""The page of one dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from watermain.console.books import ShownAlert, ShownBooks
from watermain.console.page.calendar import calendar
from watermain.console.rooms import ToldCheck, ToldDataset, ToldRooms, told
from watermain.console.sight import Sight
from watermain.console.standing import one
from watermain.declare.name import DatasetName
from watermain.engine.promise.heard import unheard

LATE = "partitions-are-late"
PAGES = {
    "held": "partitions-held-back",
    "failed": "partitions-given-up",
    "lost": "partitions-given-up",
}


def dataset(sight: Sight, name: DatasetName) -> dict[str, Any] | None:
    """All that is known of a dataset; None where no room told of it.

    Raises: UnreachableSystemError.
    """
    rooms = told(sight.home)
    found = rooms.datasets.get(str(name))
    if found is None:
        return None
    ledger = sight.ledger()
    publishes = ledger.value.last(str(name)) if ledger.value else []
    return {
        "told": found,
        "columns": found.columns,
        "checks": judged_checks(found.checks, publishes),
        "publishes": publishes,
        "readers": rooms.readers(name),
        "lineage": lineage(rooms, found),
        "ledger": ledger,
        **_promise(sight, found),
        **troubles_of(sight, name),
    }


def judged_checks(
    checks: Sequence[ToldCheck], publishes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The checks, each with what it found in the last publish.

    Shapes: `failing` is None where nothing was published, for nothing was checked then, or where
    an older release published and kept no count. What a publish tells beside the declaration is a
    check, too: it warned, for the rows were published.
    """
    told = publishes[0]["failing"] if publishes else None
    last = None if told is None else json.loads(told)
    names = {each.name for each in checks}
    more = [
        ToldCheck(name=name, column="", blocks=False) for name in last or () if name not in names
    ]
    return [
        {"check": each, "failing": None if last is None else int(last.get(each.name, 0))}
        for each in (*checks, *more)
    ]


def lineage(rooms: ToldRooms, of: ToldDataset) -> dict[str, list[str]]:
    """What a dataset reads and who reads it, a step in each direction."""
    return {
        "above": sorted(map(str, of.inputs)),
        "below": sorted(map(str, rooms.readers(of.name))),
    }


def troubles_of(sight: Sight, name: DatasetName) -> dict[str, Any]:
    """The open alerts and incidents that a dataset is part of, with what was tried in vain."""
    books = sight.books
    alerts = _open_alerts(books, str(name), sight)
    causes = {alert.cause_id for alert in alerts}
    incidents = [
        each
        for each in books.incidents()
        if each.is_open and (each.dataset == name or each.cause_id in causes)
    ]
    tries = books.tries(name)
    pages = [LATE] * bool(alerts) + [PAGES[each.state] for each in tries]
    return {
        "alerts": alerts,
        "incidents": incidents,
        "tries": tries,
        "runbooks": [
            (page, sight.file(f"docs/runbooks/{page}.md")) for page in dict.fromkeys([*pages, LATE])
        ],
    }


def _open_alerts(books: ShownBooks, name: str, sight: Sight) -> list[ShownAlert]:
    found = books.alerts(sight.clock.now())
    return [each for each in found if each.is_open and name in each.reached]


def _promise(sight: Sight, of: ToldDataset) -> dict[str, Any]:
    promised = of.promised
    if promised is None:
        return {"stands": None, "calendar": None, "silent_rules": [], "evaluated_at": None}
    stands, verdicts = one(promised, sight.books, sight.clock.now())
    book = sight.books.verdicts
    return {
        "stands": stands,
        "calendar": calendar(stands, verdicts, promised.cadence),
        "silent_rules": unheard(promised),
        "evaluated_at": book.evaluated_at() if book else None,
    }
