"""`watermain up`: the whole platform, from nothing to a living UI."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.platform import filling, ground, outside
from watermain.cli.platform.console import open_console
from watermain.cli.platform.dark import dark_rooms
from watermain.cli.platform.listening import listen_first
from watermain.cli.platform.locations import await_locations, await_servers
from watermain.cli.platform.tend import watch
from watermain.cli.run.flow import processes
from watermain.cli.screen import ERR
from watermain.engine.rooms.declared import check_rooms, feature_tables
from watermain.engine.rooms.directory import everything
from watermain.process.platform import (
    CONSOLE,
    DAEMON,
    LIVE,
    OBSERVE,
    OUTSIDE,
    SERVE,
    TEND,
    TODAY,
    WARM,
    WEB,
    Services,
    is_stream,
)
from watermain.process.web import Web
from watermain.settings import load_settings, project

DAYS = ["%Y-%m-%d"]
MONTH_END = "2013-01-31"


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Return once all is healthy.")] = False,
    demo: Annotated[
        bool, typer.Option(help="Start the project's demo of an outside world, if it has one.")
    ] = True,
    days: Annotated[
        int | None,
        typer.Option(help="How many days before today the demo loads at first, or 31.", min=1),
    ] = None,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Load days of 2013, not moved to today.")
    ] = False,
    until: Annotated[
        datetime | None,
        typer.Option(formats=DAYS, help="As recorded: the last day, or 2013-01-31."),
    ] = None,
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
    tended = platform.supervisor.alive(TEND) is not None
    ran = all(platform.supervisor.alive(name) for name in (WEB, DAEMON))
    asked = _asked(days, until, as_recorded=as_recorded)
    try:
        with platform.supervisor.alone():
            _start(platform, demo=demo, asked=asked, detach=detach)
    except KeyboardInterrupt:
        if not detach and not ran:  # what ran before is not this command's to stop
            _stop(platform)
        raise
    _tell(platform, began, ran=ran, detach=detach or ran or tended)
    if detach or ran:
        return
    _stay(platform)


def _asked(days: int | None, until: datetime | None, *, as_recorded: bool) -> list[str]:
    """The words for the demo that say which days shall be there; none leave it as it is."""
    if until and not as_recorded:
        raise typer.BadParameter("--until needs --as-recorded")
    if days and as_recorded:
        raise typer.BadParameter("--days counts back from today: leave --as-recorded out")
    if as_recorded:
        return ["--as-recorded", "--until", f"{until:%Y-%m-%d}" if until else MONTH_END]
    return ["--days", str(days)] if days else []


def _start(platform: Services, *, demo: bool, asked: list[str], detach: bool) -> None:
    """Do every step that is left to do."""
    alive = platform.supervisor.alive
    demo = demo and bool(project().demo)
    check_rooms()
    platform.check_port()
    loaded = platform.wanted.loaded() if all(map(alive, OUTSIDE)) else None
    _want(platform, demo=demo, detach=detach)
    for told in platform.clean_up(platform.wanted.services()):
        screen.ERR.print(f"  an earlier run: {told}", style="yellow")
    ground.lay_ground(platform)
    outside.write_variables(platform.settings, {"WATERMAIN_PORT": str(platform.settings.port)})
    open_console(platform)
    other = demo and (loaded is None or _is_other(asked, loaded))
    at_once = (*TODAY, *_streams(platform)) if other else ()
    with _paused(platform, at_once):  # one replay, one capture at a time
        if demo:
            outside.open_outside(platform)
        if other:
            listen_first()
            loaded = outside.load_outside(platform, asked)
            platform.wanted.want(platform.wanted.services(), loaded=loaded)
        ground.prepare_marts(platform.settings)
        web, dark = _serve(platform)
        if demo or not project().demo:
            _fill(platform, web, loaded if demo else None, dark)
    with screen.step("promises") as line:
        line.say(f"judged by {OBSERVE} {platform.start(OBSERVE).pid}")
    if detach:
        platform.start(TEND)
    platform.wanted.come()


def _streams(platform: Services) -> list[str]:
    """The services that capture without end, of those that ever started."""
    return list(filter(is_stream, platform.supervisor.entries()))


def _is_other(asked: list[str], loaded: str) -> bool:
    """Whether the words ask the demo for other days than those that it was to load before."""
    wanted = asked[-1] if "--as-recorded" in asked else filling.TODAY
    return bool(asked) and wanted != loaded


def _want(platform: Services, *, demo: bool, detach: bool) -> None:
    """Write down what is to run: what this command starts, and what others did that still lives."""
    supervisor = platform.supervisor
    names = [
        WARM,
        WEB,
        DAEMON,
        CONSOLE,
        OBSERVE,
        *((*OUTSIDE, *TODAY) if demo else ()),
        *([TEND] if detach else ()),
    ]
    if demo or not project().demo:
        names += processes()
        names += [SERVE] if feature_tables() else []
    if any(supervisor.alive(name) for name in supervisor.entries()):
        names += [*platform.wanted.services(), *supervisor.entries()]
    platform.wanted.want(names)


@contextmanager
def _paused(platform: Services, names: Collection[str]) -> Iterator[None]:
    """Stop services for the block; those that ran run again after it, even when it fails."""
    ran = [name for name in names if platform.supervisor.alive(name) is not None]
    for name in ran:
        platform.supervisor.stop(name)
    try:
        yield
    finally:
        for name in ran:
            platform.start(name)


def _serve(platform: Services) -> tuple[Web, list[str]]:
    """Start what Dagster consists of; a room that does not load is told, and given to leave out."""
    with screen.step("services") as line:
        pids = {WARM: platform.start(WARM).pid}
        await_servers(platform)
        pids |= {name: platform.start(name).pid for name in (WEB, DAEMON)}
        line.say(", ".join(f"{name} {pid}" for name, pid in pids.items()))
    web = Web(platform.url)
    with screen.step("code locations") as line:
        states = await_locations(platform, web)
        reasons = dark_rooms(platform.settings)
        wrong = {name: reasons.get(name, why) for name, why in states.items() if why}
        line.say(", ".join(name for name in states if name not in wrong))
        if wrong:
            told = f"{', '.join(wrong)} {'do' if len(wrong) > 1 else 'does'} not load"
            line.fail(f"{told}; the other rooms go on, and it follows when it is mended")
    for why in wrong.values():
        ERR.print(f"  {why}", style="yellow", markup=False)
    return web, [*wrong]


def _fill(platform: Services, web: Web, until: str | None, dark: Collection[str]) -> None:
    """Materialize what does not stand yet, and then let the demo's today and the streams go on."""
    flows = any(platform.supervisor.alive(name) for name in (LIVE, *_streams(platform)))
    if not filling.materialize_until(until, platform.settings, web, flows=flows, dark=dark):
        with screen.step("datasets") as line:
            line.say("stand already")
    if until:
        with screen.step("live data") as line:
            line.say(", ".join(f"{name} {platform.start(name).pid}" for name in TODAY))
    outside.open_features(platform)


def _tell(platform: Services, began: float, *, ran: bool, detach: bool) -> None:
    seconds = time.monotonic() - began
    word = "already runs" if ran else "is up"
    screen.ERR.print(f"\nWatermain {word}, healthy after {seconds:.0f} s.", style="bold")
    screen.ERR.print(f"  look   {platform.url}")
    screen.ERR.print(f"  look   {Services(load_settings()).console_url}")
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
