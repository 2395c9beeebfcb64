"""What is still to be told, delivered by a process that ends."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta

from watermain.clock import instant_of, micros
from watermain.observe.alert.deliver import Delivered
from watermain.observe.child import SilentChildError, asked

MODULE = "watermain.observe.alert.handed"
PATIENCE = timedelta(minutes=10)


def handed(now: datetime) -> Delivered:
    """Deliver what is due in a process of its own, which holds the clients of the services.

    Guarantees: a process that dies leaves what it had in hand to the next one.
    """
    try:
        said = asked(MODULE, str(micros(now)), PATIENCE)
    except SilentChildError as error:  # what it said may hold an address
        return Delivered(failed=(f"the process that delivers {error}",))
    return Delivered(said["sent"], tuple(said["failed"]))


def main() -> None:
    """Deliver what is due at the instant that is read; JSON of what came of it goes out."""
    from watermain.declare.errors import WatermainError
    from watermain.engine.rooms.connections import notifying
    from watermain.lake.catalog import catalog_dsn
    from watermain.observe.alert.book import AlertBook
    from watermain.observe.alert.cause import Lineage
    from watermain.observe.alert.step import AlertStep, notifiers, ways
    from watermain.settings import load_settings, project

    now, settings = instant_of(int(sys.stdin.read())), load_settings()
    try:
        words = notifiers(notifying())
        opened = ways(words, settings, project().root)
        done = AlertStep(AlertBook(catalog_dsn(settings)), Lineage({}), words, opened).deliver(now)
    except WatermainError as error:
        done = Delivered(failed=(error.what,))
    json.dump({"sent": done.sent, "failed": done.failed}, sys.stdout)


if __name__ == "__main__":
    main()
