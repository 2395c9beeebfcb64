"""What captures of a small company meet."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from tests.watermain.engine.promise.promises import FEES, june, promise
from watermain.declare import Slo, Urgency
from watermain.declare.name import DatasetName
from watermain.engine.rooms.promises import RoomPromises
from watermain.observe.watch.gravity import Gravity
from watermain.trouble import Trouble

ORDERS = DatasetName("billing", "raw", "orders")
OTHER = DatasetName("billing", "raw", "other")
NOW = june(3, 8)
MINUTE = timedelta(minutes=1)


def known(slo: Slo | None = None) -> RoomPromises:
    """Fees are promised and computed from orders; nobody promises anything of the other."""
    said = promise(slo or Slo(ready_within=timedelta(hours=2)))
    inputs = {FEES: (ORDERS,), ORDERS: (), OTHER: ()}
    return RoomPromises((said,), frozenset({"billing"}), inputs, dict.fromkeys(inputs, "team:b"))


GRAVITY = Gravity(known())
MILD = Gravity(known(Slo(ready_within=timedelta(hours=2), urgency=Urgency(severity="ticket"))))


def trouble(
    kind: str, what: str = "no", *, dataset: DatasetName = ORDERS, tries: int = 2, since: datetime
) -> Trouble:
    """What a living capture waits for."""
    return Trouble(
        dataset=str(dataset),
        kind=kind,
        what=what,
        next="",
        since=since.isoformat(),
        tries=tries,
        again_at=NOW.isoformat(),
        pid=os.getpid(),
    )
