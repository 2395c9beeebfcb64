"""What a room declares, for tests that hold all of it."""

from __future__ import annotations

from watermain.declare.dataset import Dataset
from watermain.engine.rooms import directory


def declared(team: str) -> tuple[Dataset, ...]:
    """Every dataset of a room, those of the dbt project among them.

    Guarantees: what cannot be built is among them, too, and says why in `broken`.
    Raises: what the room's own code raises, where it does not load.
    """
    return directory.declared(team)
