"""What captures wait for, as they tell it in the data folder."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watermain.declare.errors import DriftError, ExpiredCredentialError
from watermain.declare.name import DatasetName
from watermain.engine.rooms.promises import RoomPromises
from watermain.observe.watch import schema, secret, standstill
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.watching import Looked
from watermain.trouble import left, troubles

PROMISES = frozenset({schema.REFUSED, secret.PROMISE, standstill.PROMISE})
_TOLD = (DriftError.__name__, ExpiredCredentialError.__name__)


@dataclass(frozen=True)
class AllBut(Container[DatasetName]):
    """Every dataset but some."""

    those: frozenset[DatasetName]

    def __contains__(self, name: object) -> bool:
        return name not in self.those


class CaptureWatching:
    """Watch what captures wait for.

    Guarantees: of a dataset whose capture died in trouble nothing is known, until another goes on.
    """

    name, promises = "captures", PROMISES

    def __init__(self, home: Callable[[], Path], known: Callable[[], RoomPromises]) -> None:
        self._home, self._known = home, known

    def look(self, now: datetime) -> Looked:
        """What is wrong now."""
        found, gravity = troubles(self._home()), Gravity(self._known())
        unknown = AllBut(frozenset(map(DatasetName.parse, left(self._home()))))
        return Looked(
            signals=(
                *schema.refused(found, gravity),
                *secret.refused(found, gravity),
                *standstill.still(found, _TOLD, gravity, now),
            ),
            judged=dict.fromkeys(PROMISES, unknown),
        )
