"""How often Dagster's processes ask whether a room's code server is still the one they know.

Each asking opens a channel of its own, from the web server and from the daemon to every room. Once
a second, as Dagster does, that is more work than all else that a platform at rest does for rooms.
"""

from __future__ import annotations

from dagster._grpc import server_watcher

SECONDS = 3


def watch_calmly() -> None:
    """Let this process ask every few seconds from now on; a room that was renewed is seen then."""
    server_watcher.WATCH_INTERVAL = SECONDS
