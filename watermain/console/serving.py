"""The process that serves the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette

from watermain.console.application import application
from watermain.console.sight import Sight
from watermain.process.door import HostDoor
from watermain.settings import Settings

HOST = "127.0.0.1"
THREADS = 4  # that read books at once
MOST_CONNECTIONS = 64
KEEP_ALIVE_SECONDS = 15
FAREWELL_SECONDS = 5


def serve(settings: Settings, port: int) -> None:
    """Serve the pages on the loopback address until told to stop."""
    sight = Sight.of_settings()
    app = application(sight)
    app.router.lifespan_context = _living
    uvicorn.run(
        HostDoor(app, settings.host_names),
        host=HOST,
        port=port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        workers=1,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )


@asynccontextmanager
async def _living(_: Starlette) -> AsyncIterator[None]:
    """Work with few threads: each keeps memory of its own."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield
