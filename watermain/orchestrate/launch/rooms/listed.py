"""The rooms that workspace.yaml lists, read again when it changes."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import yaml

from watermain.orchestrate.launch.freshness import Print, fingerprint
from watermain.orchestrate.launch.preload import locations
from watermain.settings import project


class ListedRooms:
    """Give each room with the module that is its door, as last could be read."""

    def __init__(self) -> None:
        self._rooms: Mapping[str, str] = {}
        self._look: Print = ()

    def now(self) -> Mapping[str, str]:
        """The rooms; a file that is wrong changes none of them."""
        look = fingerprint(project().workspace)
        if look == self._look:
            return self._rooms
        self._look = look
        try:
            self._rooms = locations()
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            told = f"{project().workspace} cannot be read, the rooms stay as they were: {error!r}"
            print(told, file=sys.stderr, flush=True)  # noqa: T201
        return self._rooms
