"""The list of rooms that the web server shows, kept as the warm process writes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster._core.workspace.context import WorkspaceProcessContext

LOOK_SECONDS = 1.0
SETTLE_SECONDS = 120.0  # in which the server of a room that was added answers


@contextmanager
def followed(
    context: WorkspaceProcessContext, workspace: Path, every: float = LOOK_SECONDS
) -> Iterator[None]:
    """Show a room as soon as the workspace file lists it, and no other any more, for the block.

    Dagster itself reads that file when it starts, and again when somebody presses a button.
    Guarantees: other rooms stay lit, for all are replaced at once.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=_follow, args=(context, workspace, stop, every), name="room list", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _follow(
    context: WorkspaceProcessContext, workspace: Path, stop: threading.Event, every: float
) -> None:
    known, settled_at = _written(workspace), 0.0
    while not stop.wait(every):
        now = _written(workspace)
        if now not in (known, ""):
            known, settled_at = now, time.monotonic() + SETTLE_SECONDS
            context.refresh_workspace()
        elif time.monotonic() < settled_at:
            _ask_again(context)


def _ask_again(context: WorkspaceProcessContext) -> None:
    """Load what did not answer yet."""
    for name in context.code_location_names:
        if context.has_code_location_error(name):
            context.refresh_code_location(name)


def _written(workspace: Path) -> str:
    try:
        return workspace.read_text()
    except FileNotFoundError:
        return ""
