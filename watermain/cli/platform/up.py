"""`watermain up`: the whole platform, from nothing to a living UI."""

from __future__ import annotations

import signal
import time
from datetime import datetime
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.platform import ground, january, outside
from watermain.cli.platform.tend import watch
from watermain.cli.screen import ERR
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.rooms.declared import check_rooms
from watermain.engine.rooms.directory import everything
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import ServerOptions
from watermain.process.instance import rooms_workspace
from watermain.process.platform import DAEMON, TEND, TODAY, WARM, WEB, Services, is_stream
from watermain.process.web import Web
from watermain.settings import load_settings, project

HEALTHY_SECONDS = 240
DAYS = ["%Y-%m-%d"]
UNANSWERED = "Could not reach user code server"  # it listens later; the web server asks again


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return once all is healthy.")] = False,
    demo: Annotated[
        bool, typer.Option(help="Start the project's demo of an outside world, if it has one.")
    ] = True,
    until: Annotated[
        datetime, typer.Option(formats=DAYS, help="Let the demo's world happen up to this day.")
    ] = datetime(2013, 1, 31),
    port: Annotated[
        int | None, typer.Option(help="The web server's port.", min=1, max=65535)
    ] = None,
) -> None:
    """Start the platform, capture what waits, materialize everything and serve Dagster.

    Everything that already stands is left as it is, and so the command may be repeated.
    """
    began = time.monotonic()
    settings = load_settings()
    settings = settings.model_copy(update={"port": port}) if port else settings
    platform = Services(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tended = platform.supervisor.alive("tend") is not None
    try:
        with platform.supervisor.alone():
            ran = _start(platform, demo=demo, until=f"{until:%Y-%m-%d}", detach=detach)
    except KeyboardInterrupt:
        if not detach:
            _stop(platform)
        raise
    _tell(platform, began, ran=ran, detach=detach or ran or tended)
    if detach or ran:
        return
    _stay(platform)


def _start(platform: Services, *, demo: bool, until: str, detach: bool) -> bool:
    """Do every step; say whether the platform ran already."""
    settings, supervisor = platform.settings, platform.supervisor
    demo = demo and bool(project().demo)
    check_rooms()
    platform.check_port()
    ran = all(supervisor.alive(name) for name in (WEB, DAEMON))
    for told in platform.clean_up():
        screen.ERR.print(f"  an earlier run: {told}", style="yellow")
    ground.lay_ground(platform)
    outside.write_variables(settings, {"WATERMAIN_PORT": str(settings.port)})
    if demo:
        streams = filter(is_stream, supervisor.entries())
        for name in (
            *TODAY,
            *streams,
        ):  # one replay and one capture at a time; nothing new meanwhile
            supervisor.stop(name)
        outside.open_outside(platform, until)
    ground.prepare_marts(settings)
    with screen.step("services") as line:
        pids = {WARM: supervisor.start(platform.service(WARM)).pid}
        _await_rooms(platform)
        pids |= {name: supervisor.start(platform.service(name)).pid for name in (WEB, DAEMON)}
        line.say(", ".join(f"{name} {pid}" for name, pid in pids.items()))
    web = Web(platform.url)
    with screen.step("code locations") as line:
        line.say(_await_locations(platform, web))
    if demo or not project().demo:
        _fill(platform, web, until if demo else None)
    if detach:
        supervisor.start(platform.service(TEND))
    return ran


def _fill(platform: Services, web: Web, until: str | None) -> None:
    """Materialize what does not stand yet, and then let the demo's today and the streams go on."""
    if not january.materialize_until(until, platform.settings, web):
        with screen.step("datasets") as line:
            line.say("stand already")
    if until:
        with screen.step("live data") as line:
            start = platform.supervisor.start
            line.say(", ".join(f"{n} {start(platform.service(n)).pid}" for n in TODAY))
    outside.open_features(platform)


def _await_rooms(platform: Services) -> None:
    """Wait until the warm process has imported the rooms and their code servers can be reached.

    Raises: UnreachableSystemError.
    """
    folder = rooms_workspace(platform.settings).parent
    warm = WarmServer(options=ServerOptions(folder=folder))
    deadline = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < deadline:
        if platform.supervisor.alive(WARM) is None:
            raise _unhealthy(platform, f"the service `{WARM}` died as it started", WARM)
        if (state := warm.state()) is not None and all(state["rooms"].values()):
            return
        time.sleep(0.05)
    raise _unhealthy(platform, f"no code servers after {HEALTHY_SECONDS} s", WARM)


def _await_locations(platform: Services, web: Web) -> str:
    """Wait until every room is loaded.

    Raises: UnreachableSystemError, for a room that does not load or a service that dies.
    """
    deadline = time.monotonic() + HEALTHY_SECONDS
    while time.monotonic() < deadline:
        for name in (WEB, DAEMON):
            if platform.supervisor.alive(name) is None:
                raise _unhealthy(platform, f"the service `{name}` died as it started", name)
        states = web.locations() if web.answers() else {"": "loading"}
        states = {n: "loading" if UNANSWERED in why else why for n, why in states.items()}
        broken = {name: why for name, why in states.items() if why not in ("", "loading")}
        if broken:
            name, why = next(iter(broken.items()))
            raise _unhealthy(platform, f"room {name} does not load: {why.splitlines()[0]}", WEB)
        if not any(states.values()):
            return ", ".join(states)
        time.sleep(0.25)
    raise _unhealthy(platform, f"not healthy after {HEALTHY_SECONDS} s", WEB)


def _unhealthy(platform: Services, what: str, name: str) -> UnreachableSystemError:
    log = platform.settings.home / "logs" / f"{name}.log"
    return UnreachableSystemError(
        what,
        declared="workspace.yaml, or the service's settings",
        data="unchanged; the other services run on until `watermain down`",
        next=f"tail -50 {log}",
    )


def _tell(platform: Services, began: float, *, ran: bool, detach: bool) -> None:
    seconds = time.monotonic() - began
    word = "already runs" if ran else "is up"
    screen.ERR.print(f"\nWatermain {word}, healthy after {seconds:.0f} s.", style="bold")
    screen.ERR.print(f"  look   {platform.url}")
    screen.ERR.print("  ask    watermain status")
    if platform.supervisor.alive("serve") is not None:
        url = Services(load_settings()).features_url
        screen.ERR.print(f"  ask    curl {url}/v1/features", markup=False)
    if (name := _example()) is not None:
        screen.ERR.print(f'  ask    watermain sql "select * from {name} limit 10"', markup=False)
    stop = "watermain down"
    screen.ERR.print(f"  stop   {stop if detach else f'Ctrl-C, or {stop} elsewhere'}")


def _example() -> object | None:
    """A dataset to ask about: a mart before a curated one."""
    computed = [n for n, d in everything().items() if d.is_computed and n.team != "upkeep"]
    return max(computed, key=lambda n: n.stage == "marts", default=None)


def _stay(platform: Services) -> None:
    try:
        watch(platform, lambda text: ERR.print(f"  {text}", style="yellow"))
        ERR.print("stopped from elsewhere")
    except KeyboardInterrupt:
        _stop(platform)


def _stop(platform: Services) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with platform.supervisor.alone(), screen.step("stop") as line:
        line.say("; ".join(platform.stop()) or "nothing was running")
