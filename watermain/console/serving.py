"""The process that serves the console."""

from __future__ import annotations

import uvicorn

from watermain.console.application import application
from watermain.console.sight import Sight
from watermain.process.door import HostDoor
from watermain.settings import Settings

HOST = "127.0.0.1"
MOST_CONNECTIONS = 64
KEEP_ALIVE_SECONDS = 15
FAREWELL_SECONDS = 5


def serve(settings: Settings, port: int) -> None:
    """Serve the pages on the loopback address until told to stop."""
    uvicorn.run(
        HostDoor(application(Sight.of_settings()), settings.host_names),
        host=HOST,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        workers=1,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )
