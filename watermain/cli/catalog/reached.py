"""The lake, where it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import duckdb

from watermain.cli import screen
from watermain.declare.errors import UnreachableSystemError
from watermain.lake.lake import Lake
from watermain.process.platform import Services
from watermain.settings import load_settings

AWAY = "the lake does not answer, so only what is declared is told; next: watermain up"


@contextmanager
def lake_if_any() -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection to the lake; None, and a line on stderr, where the lake does not answer."""
    with ExitStack() as held:
        connection = None
        if _may_answer():
            with suppress(UnreachableSystemError):
                connection = held.enter_context(Lake.from_settings().get_connection())
        if connection is None:
            screen.ERR.print(AWAY, style="yellow")
        yield connection


def _may_answer() -> bool:
    """Whether there is a server to ask; an embedded one that is down is not waited for."""
    settings = load_settings()
    return bool(settings.postgres) or Services(settings).server.running() is not None
