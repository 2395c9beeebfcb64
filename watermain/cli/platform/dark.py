"""The rooms that the running platform cannot load."""

from __future__ import annotations

from watermain.process import wire
from watermain.process.instance import rooms_workspace
from watermain.settings import Settings

PATIENCE_SECONDS = 2.0


def dark_rooms(settings: Settings) -> dict[str, str]:
    """Each room that the warm process cannot load, with the reason as an error tells it.

    Guarantees: nothing is started; where no such process answers, nothing is known to be dark.
    """
    folder = rooms_workspace(settings).parent
    try:
        state = wire.ask(folder, {"do": "ping"}, PATIENCE_SECONDS)
    except (FileNotFoundError, NotADirectoryError, ConnectionError, TimeoutError):
        return {}
    return {str(room): str(why) for room, why in state.get("broken", {}).items()}
