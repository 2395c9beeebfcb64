"""Contracts that consumers rely on, broken by what is loaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime

from watermain.declare.compatibility import breaking, refusals
from watermain.declare.contract import Contract
from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.promises import promises
from watermain.observe.watch.asked import LookAnswer, answer_facts, question_asked
from watermain.observe.watch.declared import declared
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.watching import Looked
from watermain.settings import load_settings

PROMISE = "schema_compatibility"
MOST_TOLD = 3


def broken(
    released: Mapping[DatasetName, Contract],
    loaded: Mapping[DatasetName, Contract],
    gravity: Gravity,
    now: datetime,
) -> Iterator[Signal]:
    """Datasets whose loaded contract breaks a reader of the released one, with no new version."""
    for name, now_is in loaded.items():
        was = released.get(name)
        if was is None or not refusals(was, now_is):
            continue
        changes = breaking(was, now_is)
        if not changes:
            continue
        more = f", {len(changes) - MOST_TOLD} more" if len(changes) > MOST_TOLD else ""
        yield Signal(
            dataset=name,
            promise=PROMISE,
            severity=gravity.of(name),
            rule=f"breaks the released {was.version}",
            told=f"{'; '.join(map(str, changes[:MOST_TOLD]))}{more}",
            at=now,
            is_alone=True,
        )


def look(now: datetime) -> Looked:
    """Hold every loaded contract against the released one.

    Raises: UnreadableContractError.
    """
    from watermain.engine.exchange.odcs_reader import read_document
    from watermain.engine.release.release import read_all

    home = load_settings().home
    released, said = read_all(), declared(home, teams())
    loaded = {
        name: read_document(json.dumps(said[name].contract), f"what {name} last declared")[0]
        for name in released.keys() & said.keys()
    }
    found = broken(
        {name: each.contract for name, each in released.items()},
        {name: each.contract for name, each in loaded.items()},
        Gravity(promises(home, teams())),
        now,
    )
    return Looked.of(PROMISE, tuple(found))


def main() -> None:
    """Print one look."""
    try:
        found = look(question_asked().at)
    except WatermainError as error:
        sys.exit(str(error))
    json.dump(answer_facts(LookAnswer(found)), sys.stdout)


if __name__ == "__main__":
    main()
