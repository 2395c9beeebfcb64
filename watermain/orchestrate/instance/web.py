"""Dagster's web server behind the platform's own door."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.applications import Starlette

from watermain.orchestrate.instance.partition_door import PartitionDoor
from watermain.orchestrate.instance.room_list import followed
from watermain.orchestrate.instance.watch import watch_calmly
from watermain.process.door import SiteDoor
from watermain.settings import load_settings

POLL_MILLISECONDS = 2000
STATEMENT_TIMEOUT_MILLISECONDS = 15_000
POOL_RECYCLE_SECONDS = 3600
POOL_OVERFLOW = 20


def main(words: Sequence[str]) -> int:
    """Serve Dagster's UI and its API until told to stop."""
    parser = argparse.ArgumentParser(prog="watermain.orchestrate.instance.web")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    told = parser.parse_args(words)
    settings = load_settings()
    logging.basicConfig(level=logging.WARNING)
    watch_calmly()
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            STATEMENT_TIMEOUT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW
        )
        target = WorkspaceFileTarget(paths=[str(told.workspace)])
        with WorkspaceProcessContext(
            instance, version=__version__, workspace_load_target=target
        ) as context:
            app = create_app_from_workspace_process_context(
                context, live_data_poll_rate=POLL_MILLISECONDS, lifespan=_lifespan
            )
            door = SiteDoor(
                PartitionDoor(app, lambda: context.create_request_context().asset_graph),
                (told.host, *settings.host_names),
            )
            with followed(context, told.workspace):
                uvicorn.run(door, host=told.host, port=told.port, log_level="warning")
    return 0


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        return  # how the server ends


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
