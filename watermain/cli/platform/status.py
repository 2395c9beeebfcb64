"""`watermain status`: what runs, how every dataset stands."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import psutil
import typer

from watermain.cli import screen
from watermain.cli.look import facts
from watermain.cli.screen import clock
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.rooms.directory import everything
from watermain.lake.belonging import proved
from watermain.lake.lake import Lake
from watermain.process.family import Families
from watermain.process.platform import DAEMON, TEND, WARM, WEB, Services
from watermain.settings import load_settings
from watermain.trouble import troubles

UNREACHABLE = 3


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Tell which services run and how every dataset stands. Ends with 3 when a service is down."""
    platform = Services(load_settings())
    services = service_facts(platform)
    datasets: list[dict[str, Any]] = []
    away: UnreachableSystemError | None = None
    try:
        datasets = _datasets(platform)
    except UnreachableSystemError as error:
        away = error
    waiting = troubles(platform.settings.home)
    wrong = [s for s in services if s["needed"] and s["state"] != "runs"]
    if as_json:
        facts = {"url": platform.url, "services": services, "datasets": datasets}
        screen.facts(facts | {"streams_waiting": [vars(each) for each in waiting]})
    else:
        _print(platform, services, datasets)
        for each in waiting:
            screen.OUT.print(f"\n{each}\n  next  {each.next}", markup=False)
    if away is not None:
        raise away
    if wrong:
        raise typer.Exit(UNREACHABLE)


def service_facts(platform: Services) -> list[dict[str, Any]]:
    """Each service: whether it runs, since when, and its memory."""
    facts, look = [], Families()
    if not platform.settings.postgres:
        facts.append(server_fact("postgres", platform.server.running(), look, needed=True))
    if platform.demo_server.data.exists():
        running = platform.demo_server.running()
        facts.append(server_fact("demo database", running, look, needed=False))
    entries = platform.supervisor.entries()
    for name in dict.fromkeys((WEB, DAEMON, WARM, *entries)):
        entry = entries.get(name)
        process = entry.process() if entry else None
        gone = "on demand" if name == WARM else "died"  # a run that needs it starts it
        state = "runs" if process else (gone if entry else "stopped")
        needed = name in (WEB, DAEMON)
        fact = server_fact(name, process.pid if process else None, look, needed=needed)
        facts.append({**fact, "state": state, "log": entry.log if entry else None})
    return [f for f in facts if f["name"] != TEND or f["state"] != "stopped"]


def server_fact(name: str, pid: int | None, families: Families, *, needed: bool) -> dict[str, Any]:
    """One service, as the processes stood when they were looked at."""
    fact: dict[str, Any] = {"name": name, "state": "stopped", "pid": pid, "needed": needed}
    try:
        if pid is not None:
            since = datetime.fromtimestamp(psutil.Process(pid).create_time()).astimezone()
            memory = families.memory_bytes(pid)
            fact |= {"state": "runs", "since": since.isoformat(), "memory_bytes": memory}
    except psutil.NoSuchProcess:
        fact["state"] = "died"
    return fact


def _datasets(platform: Services) -> list[dict[str, Any]]:
    proved(platform.settings)
    if not platform.settings.postgres and platform.server.running() is None:
        return []
    with Lake.from_settings(platform.settings).get_connection() as connection:
        found = facts.dataset_facts(everything(), connection, platform.settings)
    return [f.as_dict() for f in found]


def _print(
    platform: Services, services: list[dict[str, Any]], datasets: list[dict[str, Any]]
) -> None:
    screen.grid(
        ("service", "state", "process", "since", "memory"),
        [
            (s["name"], s["state"], s["pid"], clock(s.get("since")), _size(s.get("memory_bytes")))
            for s in services
        ],
        right={"process", "memory"},
    )
    if not datasets:
        screen.ERR.print("\nthe lake is not reachable; start it with: watermain up")
        return
    screen.OUT.print()
    columns = ("dataset", "rows", "partitions", "latest", "published", "snapshot", "waiting")
    rows = [
        (
            d["dataset"],
            "" if d["rows"] is None else f"{d['rows']:,}",
            d["partitions"] or "",
            d["latest_partition"],
            clock(d["published_at"]) or "never",
            d["snapshot"],
            d["backlog"],
        )
        for d in datasets
    ]
    screen.grid(columns, rows, right={"rows", "partitions", "snapshot"})
    screen.ERR.print(f"\nlook   {platform.url}", style="dim")


def _size(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:,.0f} MB"
