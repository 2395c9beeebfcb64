"""How often a room's code server is asked whether it was renewed."""

from __future__ import annotations

import threading

import pytest
from dagster._grpc import server_watcher

from watermain.orchestrate.instance.watch import SECONDS, watch_calmly


class Waits(threading.Event):
    """An event that is set as soon as somebody waits for it, and remembers how long he would."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        self.set()
        return True


class Room:
    """A code server that says who it is."""

    asked = 0

    def get_server_id(self, timeout: int) -> str:
        """Count how often it was asked."""
        self.asked += 1
        return "one"


def test_watch_is_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own watch pauses as long as we say, after each question."""
    monkeypatch.setattr(server_watcher, "WATCH_INTERVAL", 1)
    monkeypatch.setattr(server_watcher, "DagsterGrpcClient", Room)
    watch_calmly()
    pauses, room = Waits(), Room()
    server_watcher.watch_grpc_server_thread(
        "shop",
        room,  # type: ignore[arg-type]
        pauses,
        get_location_entry=lambda _: None,
        refresh_code_location=lambda _: None,
        on_disconnect=lambda _: None,
        on_reconnected=lambda _: None,
        on_updated=lambda *_: None,
        on_error=lambda _: None,
    )
    assert (room.asked, pauses.seconds) == (1, [SECONDS])
