"""The process that serves features."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

from watermain.serve.feature_server.whole_writes import WholeWritesProtocol

MOST_CONNECTIONS = 2048
KEEP_ALIVE_SECONDS = 30
FAREWELL_SECONDS = 10


def run(app: ASGIApp, host: str, port: int) -> None:
    """Serve until told to stop.

    Guarantees: a signal closes the door first, and what is being answered is answered to the end,
    for FAREWELL_SECONDS at most.
    """
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=WholeWritesProtocol,
        ws="none",
        lifespan="on",
        workers=1,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )
