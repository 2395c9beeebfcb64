"""`watermain status`: what runs, what should, how every dataset stands."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, Any

import psutil
import typer

from watermain.cli import screen
from watermain.cli.look import facts
from watermain.cli.platform.dark import dark_rooms
from watermain.cli.screen import clock
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.rooms.names import dataset_names
from watermain.lake.belonging import proved
from watermain.lake.lake import Lake
from watermain.process.family import Families, memory_measure
from watermain.process.platform import DAEMON, LIVE, TEND, WARM, WEB, Services
from watermain.settings import Settings, load_settings
from watermain.trouble import troubles

FAILED, UNREACHABLE = 1, 3
STARTING = "starting"
ROOMS_LOG = "watermain.rooms"


def status(
    sources: Annotated[
        bool, typer.Option("--sources", help="Ask every source, too, what waits at it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Tell which services run and how every dataset stands. Ends with 3 when a service is down."""
    platform = Services(load_settings())
    dark = dark_rooms(platform.settings)
    logging.getLogger(ROOMS_LOG).disabled = bool(dark)  # told below, once
    datasets: list[dict[str, Any]] = []
    away: UnreachableSystemError | None = None
    with ThreadPoolExecutor(1) as beside:  # the kernel adds up pages while the lake is asked
        looked = beside.submit(service_facts, platform)
        try:
            datasets = _datasets(platform)
            if sources:
                waits = _backlogs(platform.settings)
                datasets = [d | {"backlog": waits.get(d["dataset"], "")} for d in datasets]
        except UnreachableSystemError as error:
            away = error
        services = looked.result()
    waiting = [t for t in troubles(platform.settings.home) if t.dataset not in dark]
    if as_json:
        told: dict[str, Any] = {"url": platform.url, "console": platform.console_url}
        told |= {"memory": memory_measure(), "services": services, "datasets": datasets}
        told |= {"streams_waiting": [*map(vars, waiting)], "rooms_not_loading": dark}
        screen.facts(told)
    else:
        _print(platform, services, datasets)
        for each in waiting:
            screen.OUT.print(f"\n{each}\n  next  {each.next}", markup=False)
    _tell(services, dark)
    if away is not None:
        raise away
    if down(services):
        raise typer.Exit(UNREACHABLE)
    if dark:
        raise typer.Exit(FAILED)


def _tell(services: list[dict[str, Any]], dark: Mapping[str, str]) -> None:
    """Say what is not as it should be, or is not yet."""
    for why in dark.values():
        screen.ERR.print(f"\n{why}", style="red", markup=False)
    coming = [s["name"] for s in services if s["needed"] and s["state"] == STARTING]
    if coming:
        screen.ERR.print(f"\nstarting: {', '.join(sorted(coming))}; `watermain up` is at work")
    if wrong := down(services):
        screen.ERR.print(
            f"\nnot running: {', '.join(sorted(wrong))}; next: watermain up", style="red"
        )


def service_facts(platform: Services) -> list[dict[str, Any]]:
    """Each service: whether it runs, whether it should, since when, and its memory.

    What `watermain up` was to start should run until `watermain down`, and PostgreSQL with Dagster
    always. While a `watermain up` is at work, what it has not come to yet is `starting`.
    """
    coming, entries = platform.wanted.is_coming(), platform.supervisor.entries()
    alive = {name: p.pid for name, e in entries.items() if (p := e.process()) is not None}
    wanted = {WEB, DAEMON, *entries, *platform.wanted.services()}
    found, look = [], Families(apart=alive.values())
    if not platform.settings.postgres:
        running = platform.server.running()
        fact = server_fact("postgres", running, look, needed=True)
        found.append(_soon(fact) if coming else fact)
    if platform.demo_server.data.exists():
        running = platform.demo_server.running()
        fact = server_fact("demo database", running, look, needed=LIVE in wanted)
        found.append(_soon(fact) if coming else fact)
    for name in dict.fromkeys((WEB, DAEMON, WARM, *entries, *platform.wanted.services())):
        if name == TEND and name not in wanted:
            continue
        fact = server_fact(name, alive.get(name), look, needed=name in wanted)
        if coming and (name not in entries or platform.wanted.is_coming(entries[name].identity)):
            fact = _soon(fact)
        found.append({**fact, "log": str(platform.settings.home / "logs" / f"{name}.log")})
    return found


def down(services: list[dict[str, Any]]) -> list[str]:
    """The services that should run and do not, nor are about to."""
    return [s["name"] for s in services if s["needed"] and s["state"] == "stopped"]


def _soon(fact: dict[str, Any]) -> dict[str, Any]:
    """A service that `watermain up` is about to start."""
    is_next = fact["needed"] and fact["state"] == "stopped"
    return fact | ({"state": STARTING} if is_next else {})


def server_fact(name: str, pid: int | None, families: Families, *, needed: bool) -> dict[str, Any]:
    """One service, as the processes stood when they were looked at."""
    fact: dict[str, Any] = {"name": name, "state": "stopped", "pid": None, "needed": needed}
    try:
        if pid is not None:
            since = datetime.fromtimestamp(psutil.Process(pid).create_time()).astimezone()
            memory = families.memory_bytes(pid)
            fact |= {"state": "runs", "pid": pid, "since": since.isoformat()}
            fact["memory_bytes"] = memory
    except psutil.NoSuchProcess:
        return fact
    return fact


def _datasets(platform: Services) -> list[dict[str, Any]]:
    proved(platform.settings)
    if not platform.settings.postgres and platform.server.running() is None:
        return []
    lake = Lake.from_settings(platform.settings)
    return [f.as_dict() for f in facts.dataset_facts(dataset_names(platform.settings), lake)]


def _backlogs(settings: Settings) -> Mapping[str, str]:
    from watermain.cli.platform.waiting import backlogs  # with a client of every kind of source
    from watermain.engine.rooms.directory import everything

    return backlogs(everything(), settings)


def _print(
    platform: Services, services: list[dict[str, Any]], datasets: list[dict[str, Any]]
) -> None:
    screen.grid(
        ("service", "state", "process", "since", memory_measure()),
        [
            (s["name"], s["state"], s["pid"], clock(s.get("since")), _size(s.get("memory_bytes")))
            for s in services
        ],
        right={"process", memory_measure()},
    )
    if not datasets:
        screen.ERR.print("\nthe lake is not reachable; start it with: watermain up")
        return
    screen.OUT.print()
    asked = any(d["backlog"] is not None for d in datasets)
    columns = ("dataset", "rows", "partitions", "latest", "published", "snapshot")
    rows = [
        (
            d["dataset"],
            "" if d["rows"] is None else f"{d['rows']:,}",
            d["partitions"] or "",
            d["latest_partition"],
            clock(d["published_at"]) or ("" if d["rows"] else "never"),
            d["snapshot"],
            *([d["backlog"]] if asked else []),
        )
        for d in datasets
    ]
    shown = (*columns, "waiting") if asked else columns
    screen.grid(shown, rows, right={"rows", "partitions", "snapshot"})
    screen.ERR.print(f"\nlook   {platform.url}", style="dim")
    screen.ERR.print(f"look   {platform.console_url}", style="dim")


def _size(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:,.0f} MB"
