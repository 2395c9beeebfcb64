"""`watermain doctor`: everything the platform needs, looked at one by one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.platform.console import answering
from watermain.cli.platform.dark import dark_rooms
from watermain.cli.platform.status import down, service_facts
from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.engine.rooms.connections import connections, notifying
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import everything, manifest, troubled_rooms
from watermain.engine.rooms.from_dbt import notes
from watermain.lake.belonging import proved
from watermain.lake.catalog import catalog_dsn
from watermain.lake.lake import EXTENSIONS, Lake, extension
from watermain.lake.store import is_remote
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.step import notifiers
from watermain.orchestrate.instance.health import failed_runs, failing_ticks
from watermain.orchestrate.instance.opening import open_instance
from watermain.privacy import open_to_others
from watermain.process.instance import dagster_home, storage_url
from watermain.process.platform import CONSOLE, Services, free_bytes
from watermain.process.postgres import server_binaries
from watermain.process.probe import probe_catalog, probe_files
from watermain.process.web import Web
from watermain.settings import Settings, load_settings, project
from watermain.source.opening import found_at, open_source

FAILED = 1
LEAST_FREE_BYTES = 2 * 2**30
LATELY = timedelta(hours=1)
MOST_TOLD = 5
Check = Callable[["Settings"], tuple[bool, str, str]]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Look at all that the platform needs; tell what to run where something fails."""
    facts = list(_examine())
    if as_json:
        screen.facts(facts)
    else:
        for fact in facts:
            color = "green" if fact["ok"] else "red"
            word = "ok" if fact["ok"] else "failed"
            screen.OUT.print(f"  [{color}]{word:<7}[/]{fact['check']:<40}{fact['found']}")
            for line in ("declared", "data", "next"):
                if fact.get(line):
                    screen.OUT.print(f"         {line:<9} {fact[line]}", markup=False)
    if not all(fact["ok"] for fact in facts):
        raise typer.Exit(FAILED)


def _examine() -> Iterator[dict[str, Any]]:
    settings = load_settings()
    for title, check in CHECKS.items():
        ok, found, then = _safely(check, settings)
        yield {"check": title, "ok": ok, "found": found, "next": None if ok else then}
    yield from _connections(settings)
    yield from _sources(settings)


def _safely(check: Check, settings: Settings) -> tuple[bool, str, str]:
    try:
        return check(settings)
    except WatermainError as error:
        return False, error.what, error.next
    except Exception as error:  # whatever is ill: the other checks are told, too
        said = str(error).strip().split("\n")[0][:300]
        return False, f"{type(error).__name__}: {said}", "watermain status"


def _python(_: Settings) -> tuple[bool, str, str]:
    found = ".".join(map(str, sys.version_info[:3]))
    is_known = (3, 11) <= sys.version_info[:2] <= (3, 14)
    return is_known, found, "install Python 3.11, 3.12, 3.13 or 3.14"


def _extensions(settings: Settings) -> tuple[bool, str, str]:

    wanted = (*EXTENSIONS, *(("httpfs",) if is_remote(settings.lake_folder) else ()))
    missing = [name for name in wanted if not Path(extension(name)).exists()]
    found = f"missing: {missing}" if missing else ", ".join(wanted)
    return not missing, found, "pip install watermain"


def _binaries(_: Settings) -> tuple[bool, str, str]:
    return True, server_binaries().parent.name, "make ready"


def _disk(settings: Settings) -> tuple[bool, str, str]:
    free = free_bytes(settings.home)
    return free > LEAST_FREE_BYTES, f"{free / 2**30:.1f} GB free", f"df -h {settings.home}"


def _folder(settings: Settings) -> tuple[bool, str, str]:
    found = open_to_others(settings)
    names = ", ".join(str(path) for path in found[:3])
    told = f"{len(found)} paths are open to other users: {names}" if found else "its owner's alone"
    return not found, told, f"chmod -R go-rwx {settings.home}  (`watermain up` does it, too)"


def _catalog(settings: Settings) -> tuple[bool, str, str]:
    try:
        return True, probe_catalog(proved(settings)), ""
    except UnreachableSystemError as error:
        ours = "watermain up --detach"
        return False, error.what, "see the server's own log" if settings.postgres else ours


def _lake(settings: Settings) -> tuple[bool, str, str]:
    lake = Lake.from_settings(settings)
    with lake.get_connection() as connection:
        snapshot = lake.snapshot(connection)
    try:
        return True, f"snapshot {snapshot}, {probe_files(settings)}", ""
    except UnreachableSystemError as error:
        where = "docs/runbooks/the-store-is-away.md"
        return False, error.what, where if settings.lake_path else error.next


def _port(settings: Settings) -> tuple[bool, str, str]:
    platform = Services(settings)
    platform.check_port()
    ours = platform.supervisor.alive("web")
    return True, f"{settings.port}: {'ours' if ours else 'free'}", ""


def _web(settings: Settings) -> tuple[bool, str, str]:
    states = Web(Services(settings).url).locations()
    reasons = dark_rooms(settings)
    broken = {name: reasons.get(name, why) for name, why in states.items() if why}
    found = "; ".join(f"{n}: {w.splitlines()[0]}" for n, w in broken.items())
    log = f"tail -50 {settings.home / 'logs' / 'web.log'}"
    return not broken, found or ", ".join(states), "watermain check" if reasons else log


def _console(settings: Settings) -> tuple[bool, str, str]:
    platform = Services(settings)
    url, entry = platform.console_url, platform.supervisor.alive(CONSOLE)
    found = f"{url} is ours" if entry and answering(url) == entry.pid else f"none at {url}"
    return found.endswith("ours"), found, f"tail -50 {settings.home / 'logs' / 'console.log'}"


def _manifest(_: Settings) -> tuple[bool, str, str]:
    if not project().dbt_folder.exists():
        return True, "there is no dbt project", ""
    path = manifest()
    broken = [d for d in everything().values() if d.broken and d.unloaded is None]
    wrong = sorted(str(d.name) for d in broken)
    found = [*(f"{name} cannot be built" for name in wrong), *notes(path)]
    first = f"watermain explain {wrong[0]}" if wrong else "mend the files that are named"
    return not found, "; ".join(found) or "current", first


def _rooms(_: Settings) -> tuple[bool, str, str]:
    wrong = troubled_rooms()
    if wrong:
        told = "; ".join(f"{why.what} at {why.declared}" for why in wrong.values())
        return False, told, "mend it, then: watermain check"
    return True, f"{len(everything())} datasets in {', '.join(teams())}", ""


def _services(settings: Settings) -> tuple[bool, str, str]:
    facts = service_facts(Services(settings))
    wrong = down(facts)
    runs = [fact["name"] for fact in facts if fact["state"] == "runs"]
    found = f"not running: {', '.join(sorted(wrong))}" if wrong else ", ".join(runs)
    return not wrong, found, "watermain up"


def _ticks(settings: Settings) -> tuple[bool, str, str]:
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        wrong = failing_ticks(instance)
    told = [f"{t.room} {t.name} at {t.failed_at:%H:%M}Z: {t.reason}" for t in wrong[:MOST_TOLD]]
    found = f"{len(wrong)} fail: {'; '.join(told)}" if wrong else "the last tick of each went well"
    return not wrong, found, f"look at {Services(settings).url}/automation"


def _runs(settings: Settings) -> tuple[bool, str, str]:
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        wrong = failed_runs(instance, datetime.now(UTC) - LATELY)
    told = [
        f"{run.run_id[:8]} of {', '.join(run.targets[:2])} at {run.failed_at:%H:%M}Z"
        for run in wrong[:MOST_TOLD]
    ]
    found = f"{len(wrong)} failed: {'; '.join(told)}" if wrong else "none failed"
    where = f"{Services(settings).url}/runs"
    return not wrong, found, f"look at {where}/{wrong[0].run_id}" if wrong else ""


def _connections(settings: Settings) -> Iterator[dict[str, Any]]:
    """Each declared connection, which is tried."""
    try:
        known = connections()
    except WatermainError as error:
        yield {"check": "connections", **_told(error)}
        return
    for name, word in sorted(known.items()):
        check = {"check": f"connection {name}"}
        try:
            yield {**check, "ok": True, "found": found_at(word, settings, known), "next": None}
        except WatermainError as error:
            yield {**check, **_told(error)}


def _told(error: WatermainError) -> dict[str, Any]:
    """The four lines of an error as facts."""
    lines = {"declared": error.declared, "data": error.data, "next": error.next}
    return {"ok": False, "found": error.what, **lines}


def _sources(settings: Settings) -> Iterator[dict[str, Any]]:
    try:
        known = connections()
    except WatermainError:
        return  # told above
    for name, dataset in sorted(everything().items()):
        if not dataset.is_captured or dataset.unloaded is not None:
            continue
        check = {"check": f"source {name}"}
        try:
            open_source(dataset, settings, known).verify()
            yield {**check, "ok": True, "found": dataset.source_kind, "next": None}
        except WatermainError as error:
            yield {**check, **_told(error)}


def _notifiers(settings: Settings) -> tuple[bool, str, str]:
    known = notifiers(notifying())
    if not known:
        return True, f"none in {project().resources}/notifiers.py: nobody is told", ""
    stuck = AlertBook(catalog_dsn(settings)).undelivered(datetime.now(UTC))
    told = [f"{post.telling.title} to {post.notifier}: {post.why}" for post in stuck[:MOST_TOLD]]
    found = f"{len(stuck)} not delivered: {'; '.join(told)}" if stuck else ", ".join(sorted(known))
    return not stuck, found, f"watermain alert try {stuck[0].notifier}" if stuck else ""


CHECKS: dict[str, Check] = {
    "Python": _python,
    "DuckDB extensions": _extensions,
    "PostgreSQL binaries": _binaries,
    "disk": _disk,
    "data folder": _folder,
    "catalog database": _catalog,
    "lake": _lake,
    "port": _port,
    "web server": _web,
    "console": _console,
    "dbt manifest": _manifest,
    "rooms": _rooms,
    "services": _services,
    "sensors and schedules": _ticks,
    "runs of the last hour": _runs,
    "who is told": _notifiers,
}
