"""Rooms of which the warm process says that they do not load."""

from __future__ import annotations

import threading
from pathlib import Path

from watermain.cli.platform.dark import dark_rooms
from watermain.process import wire
from watermain.process.instance import rooms_workspace
from watermain.settings import load_settings

WHY = "room care does not load: SyntaxError: invalid syntax\n  declared  rooms/care/raw.py:3"


def test_without_a_warm_process_nothing_is_known(home: Path) -> None:
    """It is not started by the question."""
    assert dark_rooms(load_settings()) == {}


def test_what_the_warm_process_says_is_told(home: Path) -> None:
    """Each room with its reason, line by line."""
    folder = rooms_workspace(load_settings()).parent
    folder.mkdir(parents=True, exist_ok=True)
    with wire.listen(folder) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                assert wire.receive(peer) == {"do": "ping"}
                wire.send(peer, {"pid": 1, "broken": {"care": WHY}})

        thread = threading.Thread(target=answer)
        thread.start()
        assert dark_rooms(load_settings()) == {"care": WHY}
        thread.join()
