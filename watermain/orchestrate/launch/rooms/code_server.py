"""The code server of a room, which Dagster's web server speaks to as its daemon does.

Each of them would start a process for each room, every one of which imports everything anew. Both
speak to this one instead. A room that does not load answers with the reason.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from watermain.settings import project

LOOK_SECONDS = 1.0
READY = b"r"


def serve(room: str, module: str, parent: int, at: Path, ready: int | None = None) -> int:
    """Serve one room until this process is told to end or `parent` is gone.

    `ready` is a pipe that is told when the server answers.
    Guarantees: told to end, it answers what was asked already.
    """
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.utils import FuturesAwareThreadPoolExecutor
    from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer

    logger = logging.getLogger("dagster.code_server")
    over, workers = threading.Event(), FuturesAwareThreadPoolExecutor()
    origin = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=module, working_directory=str(project().root)
    )
    servicer = DagsterApiServer(
        server_termination_event=over,
        logger=logger,
        server_threadpool_executor=workers,
        loadable_target_origin=origin,
        lazy_load_user_code=True,
        location_name=room,
    )
    server = DagsterGrpcServer(
        server_termination_event=over,
        dagster_api_servicer=servicer,
        logger=logger,
        threadpool_executor=workers,
        socket=str(at),
    )
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    if ready is not None:
        threading.Thread(target=_tell, args=(at, ready), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())  # Dagster has set its own
    server.serve()
    return 0


def _tell(at: Path, ready: int) -> None:
    """Say that the server answers, once it does; whoever waits has a deadline of its own."""
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient

    client = DagsterGrpcClient(socket=str(at))
    while True:
        try:
            client.get_server_id()
            break
        except DagsterUserCodeUnreachableError:
            time.sleep(0.02)
    os.write(ready, READY)
    os.close(ready)


def _follow(parent: int) -> NoReturn:
    """End this process when the one that started it has ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(0)
