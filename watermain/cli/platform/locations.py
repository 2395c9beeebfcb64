"""The rooms as Dagster has them, waited for while they load."""

from __future__ import annotations

import time
from collections.abc import Mapping

from watermain.cli.run.plan import Run
from watermain.declare.errors import UnreachableSystemError
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import ServerOptions
from watermain.process.instance import rooms_workspace
from watermain.process.platform import DAEMON, WARM, WEB, Services
from watermain.process.web import RefusedRunError, Web

HEALTHY_SECONDS = 240.0
PAUSE_SECONDS = 0.25
LOADING = "loading"
UNANSWERED = "Could not reach user code server"  # it listens later; the web server asks again


def await_servers(platform: Services) -> None:
    """Wait until the warm process has imported the rooms and their code servers can be reached.

    Raises: UnreachableSystemError.
    """
    folder = rooms_workspace(platform.settings).parent
    warm = WarmServer(options=ServerOptions(folder=folder))
    deadline = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < deadline:
        if platform.supervisor.alive(WARM) is None:
            raise unhealthy(platform, f"the service `{WARM}` died as it started", WARM)
        if (state := warm.state()) is not None and all(state["rooms"].values()):
            return
        time.sleep(0.05)
    raise unhealthy(platform, f"no code servers after {HEALTHY_SECONDS:.0f} s", WARM)


def await_locations(platform: Services, web: Web) -> dict[str, str]:
    """Wait until no room is loading; give each, with "" or why it does not load.

    Raises: UnreachableSystemError, for a service that dies.
    """
    deadline = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < deadline:
        for name in (WEB, DAEMON):
            if platform.supervisor.alive(name) is None:
                raise unhealthy(platform, f"the service `{name}` died as it started", name)
        states = web.locations() if web.answers() else {"": LOADING}
        if not any(_is_loading(state) for state in states.values()):
            return states
        time.sleep(PAUSE_SECONDS)
    raise unhealthy(platform, f"not healthy after {HEALTHY_SECONDS:.0f} s", WEB)


def launched(
    run: Run, web: Web, tags: Mapping[str, str], patience_seconds: float = HEALTHY_SECONDS
) -> str:
    """Submit a run, once its room is not loading anew; give its id.

    Raises: RefusedRunError, where Dagster has another reason, or when patience ends.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return web.launch(run.names, {**run.tags, **tags})
        except RefusedRunError as error:
            state = web.locations().get(run.names[0].team, LOADING)
            waits = UNANSWERED in error.what or _is_loading(state)
            if not waits or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def unhealthy(platform: Services, what: str, name: str) -> UnreachableSystemError:
    """The error of a service that does not do what it is there for."""
    log = platform.settings.home / "logs" / f"{name}.log"
    return UnreachableSystemError(
        what,
        declared="workspace.yaml, or the service's settings",
        data="unchanged; the other services run on until `watermain down`",
        next=f"tail -50 {log}",
    )


def _is_loading(state: str) -> bool:
    return state == LOADING or UNANSWERED in state
