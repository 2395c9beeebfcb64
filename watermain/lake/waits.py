"""The limits of every wait for the servers that a lake stands on.

All of them come from four settings: `connect_seconds`, `request_seconds`, `request_retries`
and `lock_seconds`. What follows from them is in the guide to the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.settings import Settings

FIRST_PAUSE_MILLISECONDS = 100
PAUSE_GROWTH = 4
# The smallest parts that S3 takes, so that one of them passes a slow line within a request.
UPLOAD_BYTES = "50GB"  # with 10,000 parts of 5 MB


def patient(dsn: str, settings: Settings) -> str:
    """A libpq string whose connections wait within the limits; words of its own win.

    Guarantees: a server that is gone is noticed by unanswered probes, and one that holds a lock
    for ever by the server's own timeout.
    """
    given = conninfo_to_dict(dsn)
    locks = f"-c lock_timeout={settings.lock_seconds}s"
    options = f"{locks} {given.get('options') or ''}".strip()
    words: dict[str, Any] = {**connection_words(settings), **given, "options": options}
    return make_conninfo(**words)


def connection_words(settings: Settings) -> dict[str, str]:
    """What libpq is told of how long to wait for a server."""
    found = {
        "connect_timeout": max(2, settings.connect_seconds),  # libpq takes 1 for 2
        "keepalives": 1,
        "keepalives_idle": settings.request_seconds,
        "keepalives_interval": max(1, settings.request_seconds // 2),
        "keepalives_count": 2,
        "tcp_user_timeout": settings.request_seconds * 2000,
    }
    return {name: str(value) for name, value in found.items()}


def engine_words(settings: Settings) -> Mapping[str, str | int]:
    """What DuckDB is told of its requests to the store."""
    return {
        "http_timeout": settings.request_seconds,
        "http_retries": settings.request_retries,
        "http_retry_wait_ms": FIRST_PAUSE_MILLISECONDS,
        "http_retry_backoff": PAUSE_GROWTH,
        "s3_uploader_max_filesize": UPLOAD_BYTES,
    }


def client_words(settings: Settings) -> Mapping[str, object]:
    """What a client of our own is told of its requests to the store."""
    return {
        "connect_timeout": settings.connect_seconds,
        "read_timeout": settings.request_seconds,
        "retries": {"max_attempts": settings.request_retries, "mode": "standard"},
    }
