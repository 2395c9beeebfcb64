"""One look at what the ledger tells."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from datetime import datetime

from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.signal import Signal
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.promises import RoomPromises, promises
from watermain.lake.lake import Lake
from watermain.observe.watch import schema
from watermain.observe.watch.asked import (
    LookAnswer,
    LookQuestion,
    answer_facts,
    question_asked,
)
from watermain.observe.watch.declared import DeclaredFacts, declared
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.ledger import completeness, cost, duplicates, skew
from watermain.observe.watch.ledger.completeness import DailyRows
from watermain.observe.watch.ledger.facts import (
    DAYS,
    LedgerFacts,
    ledger_facts,
    moved_since,
)
from watermain.observe.watch.watching import Looked
from watermain.settings import load_settings

STRANGE = ("bad", "excused")


def look(question: LookQuestion) -> LookAnswer:
    """All that the ledger tells; after a snapshot, of the datasets alone that it tells more of.

    Raises: UnreachableSystemError.
    """
    now, since = question
    lake, home = Lake.from_settings().of_one_thread(), load_settings().home
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        moved = None if since is None else moved_since(connection, since, present)
        if moved is not None and not moved:
            return LookAnswer(Looked(), present, frozenset())
        facts = ledger_facts(connection, now, moved)
    known, said = promises(home, teams()), declared(home, teams())
    days = daily(facts, said, known, VerdictBook(lake.dsn), now)
    of = None if moved is None else frozenset(map(DatasetName.parse, moved))
    return LookAnswer(judged(facts, days, said, Gravity(known), now), present, of)


def judged(
    facts: LedgerFacts,
    days: Collection[DailyRows],
    said: Mapping[DatasetName, DeclaredFacts],
    gravity: Gravity,
    now: datetime,
) -> Looked:
    """Every judgement of what was read.

    Guarantees: a stream without a batch in two days is not judged; neither is a day's rows while
    the baseline warms up.
    """
    streamed = {each.dataset for each in facts.streams}
    volumes = completeness.volumes(days, now)
    counted = {name for name, (_, v) in volumes.items() if v.state != "warming up"}
    cadences = {each.dataset: each.cadence for each in days}
    found = [
        *completeness.uncaptured(facts.streams, gravity),
        *completeness.few(volumes, cadences, gravity),
        *duplicates.repeating(facts.streams),
        *cost.surges(facts.days, cost.DAILY, now),
        *cost.surges(facts.hours, cost.HOURLY, now),
        *skew.skewed(facts.timed, now - cost.LATELY),
        *schema.unknown(facts.seen, {name: each.columns for name, each in said.items()}, now),
    ]
    return Looked(
        signals=tuple(one_each(found)),
        judged={
            completeness.PROMISE: streamed | counted,
            duplicates.PROMISE: streamed,
            cost.PROMISE: None,
            skew.PROMISE: None,
            schema.UNKNOWN: said.keys(),
        },
    )


def daily(
    facts: LedgerFacts,
    said: Mapping[DatasetName, DeclaredFacts],
    known: RoomPromises,
    book: VerdictBook,
    now: datetime,
) -> list[DailyRows]:
    """The rows of each day of each dataset, with the days that teach nothing."""
    slos = {each.dataset: each for each in known.promises if each.dataset in facts.rows}
    verdicts = book.verdicts(slos, now - DAYS * 2 * cost.LATELY, now) if slos else {}
    return [
        DailyRows(
            dataset=name,
            cadence=each.cadence,
            rows={key: ever if each.is_captured else last for key, (last, ever) in rows.items()},
            slo=slos[name].slo if name in slos else None,
            strange={k for k, v in verdicts.get(name, {}).items() if v.state in STRANGE},
        )
        for name, rows in facts.rows.items()
        if (each := said.get(name)) is not None and each.cadence is not None
    ]


def one_each(found: Collection[Signal]) -> list[Signal]:
    """The gravest signal of each dataset and promise, the first of several."""
    kept = dict[tuple[DatasetName, str], Signal]()
    for each in sorted(found, key=lambda signal: signal.severity):
        kept.setdefault((each.dataset, each.promise), each)
    return list(kept.values())


def main() -> None:
    """Print one look."""
    try:
        found = look(question_asked())
    except WatermainError as error:
        sys.exit(str(error))
    json.dump(answer_facts(found), sys.stdout)


if __name__ == "__main__":
    main()
