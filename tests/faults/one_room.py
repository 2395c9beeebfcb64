"""One room edited, broken, mended in turns while the others work."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.faults.outcome import Bench, Outcome
from tests.ports import free_port
from watermain import durable
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import ServerOptions

EDITED, OTHER = "sales", "care"
FIRST_DAY, DAYS = date(2026, 1, 1), 30
LOOK_SECONDS, PATIENCE_SECONDS = 0.1, 300.0
BREAKS = {
    "syntax": ("curated.py", "\n\ndef broken(:\n"),
    "an exception": ("raw.py", "\n\n1 / 0\n"),
    "an import": ("curated.py", "\n\nimport nothing_of_that_name\n"),
}
ADDED = "fct_sales_again"
ASSET = "query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { __typename } }"
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
SENSORS = """query ($room: String!) { sensorsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: $room}) {
  ... on Sensors { results { name sensorState { runningCount
    ticks(limit: 10000) { status error { message } } } } } } }"""
RUNS = """{ runsOrError(limit: 10000) { ... on Runs { results {
  runId status tags { key value } repositoryOrigin { repositoryLocationName } } } } }"""
LAUNCH = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(
  backfillParams: $params) { __typename ... on LaunchBackfillSuccess { backfillId }
  ... on PythonError { message } } }"""
BACKFILLS = """{ partitionBackfillsOrError(limit: 1000) { ... on PartitionBackfills { results {
  id status error { message } } } } }"""
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
OVER = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED", "FAILED", "CANCELED"}


@dataclass(frozen=True)
class Living:
    """A company of two rooms whose platform runs."""

    root: Path
    data: Path
    port: int

    def run(self, *words: str) -> str:
        """Run a command of the platform to its end."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WATERMAIN_")}
        environment = {**kept, "WATERMAIN_DATA_DIR": str(self.data)}
        done = subprocess.run(
            [sys.executable, "-m", "watermain", *words],
            cwd=self.root if self.root.exists() else self.root.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"watermain {' '.join(words)}: {done.stderr[-2000:]}"
        return done.stdout

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Ask Dagster."""
        body = {"query": query, "variables": variables}
        url = f"http://127.0.0.1:{self.port}/graphql"
        answer = httpx.post(url, json=body, timeout=60, trust_env=False).json()
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]
        return found

    def broken(self) -> Mapping[str, str]:
        """The rooms of which the warm process says that they do not load."""
        options = ServerOptions(folder=self.data / "dagster" / "warm")
        state = WarmServer(options=options, working_directory=self.root).state()
        assert state is not None, "the warm process is gone"
        found: dict[str, str] = state["broken"]
        return found

    def runs(self) -> list[dict[str, Any]]:
        """Every run that there is."""
        return list(self.ask(RUNS)["runsOrError"]["results"])


@dataclass
class Seen:
    """What was noticed while rooms changed."""

    looks: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    backfills: list[str] = field(default_factory=list)
    reloads: list[float] = field(default_factory=list)
    mart_seconds: float = 0.0
    breaks: Counter[str] = field(default_factory=Counter)


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Edit, break, mend a room `count` times while another one is filled backwards."""
    seen, chance = Seen(), random.Random(seed)
    began = time.monotonic()
    with living(bench.folder) as platform:
        with _watched(platform, seen), _loaded(platform, seen):
            _add_mart(platform, seen)
            for number in range(count):
                _cycle(platform, seen, chance, number)
        changed_for = time.monotonic() - began
        _await_end(platform, seen)
        figures = _figures(platform, seen)
    return Outcome(
        count=count,
        figures={"seconds under change": round(changed_for), **figures},
        problems=seen.problems,
    )


@contextmanager
def living(folder: Path) -> Iterator[Living]:
    """Bring up a new company of two rooms; take it down whatever happens."""
    platform = Living(folder / "shop", folder / "data", free_port())
    platform.run("init", "shop")
    platform.run("new", "room", OTHER, "--reads", f"{EDITED}.curated.orders")
    inbox = platform.root / "inbox"
    for day in (FIRST_DAY + timedelta(days=n) for n in range(DAYS)):
        rows = [f"{day:%j}-{n},{day}T{n % 24:02}:00:00Z,Ada,{n}.50" for n in range(50)]
        text = "\n".join(["order_id,ordered_at,customer,amount", *rows, ""])
        (inbox / f"orders-{day}.csv").write_text(text)
    try:
        platform.run("up", "--detach", "--no-demo", "--port", str(platform.port))
        yield platform
    finally:
        platform.run("down")


def _cycle(platform: Living, seen: Seen, chance: random.Random, number: int) -> None:
    """Edit a room, break it, mend it."""
    room = platform.root / "platform_assets" / EDITED
    kind = chance.choice(sorted(BREAKS))
    name, words = BREAKS[kind]
    path = room / name
    sound = path.read_text()
    durable.replace(path, f"{sound}\n# edit {number}\n")  # as an editor saves
    time.sleep(chance.uniform(0.0, 3.0))
    durable.replace(path, sound + words)
    seen.breaks[kind] += 1
    if not _soon(lambda: EDITED in platform.broken()):
        seen.problems.append(f"cycle {number}: nobody noticed {kind}")
    time.sleep(chance.uniform(0.0, 3.0))
    began = time.monotonic()
    durable.replace(path, sound)
    if not _soon(lambda: not platform.broken()):
        seen.problems.append(f"cycle {number}: {EDITED} was not mended after {kind}")
    seen.reloads.append(time.monotonic() - began)
    _change_model(platform, chance, number)


def _change_model(platform: Living, chance: random.Random, number: int) -> None:
    """Save a model that compiles, or one that does not and then one that does."""
    folder = platform.root / "dbt_project" / "models" / "marts" / EDITED
    path = folder / "fct_daily_sales.sql"
    sound = path.read_text()
    if chance.random() < 0.5:
        durable.replace(path, sound.replace("{{ source(", "{{ sourc("))
        time.sleep(chance.uniform(0.0, 4.0))
    durable.replace(path, sound.partition("\n-- edit")[0].rstrip() + f"\n-- edit {number}\n")
    time.sleep(chance.uniform(0.0, 2.0))


def _add_mart(platform: Living, seen: Seen) -> None:
    """Save a new model with its words; it is an asset some seconds later."""
    folder = platform.root / "dbt_project" / "models" / "marts" / EDITED
    began = time.monotonic()
    for path in sorted(folder.glob("fct_daily_sales.*")):
        text = path.read_text().replace("fct_daily_sales", ADDED)
        durable.replace(path.with_name(f"{ADDED}{path.suffix}"), text)
    key = {"path": [EDITED, "marts", ADDED]}
    if not _soon(
        lambda: platform.ask(ASSET, key=key)["assetNodeOrError"]["__typename"] == "AssetNode"
    ):
        seen.problems.append(f"the new mart {ADDED} does not appear")
    seen.mart_seconds = time.monotonic() - began


@contextmanager
def _watched(platform: Living, seen: Seen) -> Iterator[None]:
    """Look at every code location as the UI does, ten times a second."""

    def look() -> None:
        try:
            entries = platform.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        except httpx.HTTPError as error:
            seen.problems.append(f"the web server does not answer: {error!r}")
            return
        for entry in entries:
            found = entry["locationOrLoadError"] or {}
            kind = found.get("__typename", "nothing")
            seen.looks[f"{entry['name']} {kind}"] += 1
            if kind != "RepositoryLocation":
                told = str(found.get("message", "it is not there"))[:200]
                seen.problems.append(f"{entry['name']} was dark: {told}")

    with _repeated(look, LOOK_SECONDS):
        yield


@contextmanager
def _loaded(platform: Living, seen: Seen) -> Iterator[None]:
    """Fill the other room backwards without end, a few days at a time."""
    spans = itertools.cycle(range(0, DAYS, 5))

    def fill() -> None:
        if len(_open_backfills(platform)) >= 2:
            return
        first = FIRST_DAY + timedelta(days=next(spans))
        params = {
            "assetSelection": [{"path": [OTHER, "curated", "orders"]}],
            "partitionNames": [str(first + timedelta(days=n)) for n in range(5)],
        }
        answer = platform.ask(LAUNCH, params=params)["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            seen.problems.append(f"a backfill was refused: {answer}")
            return
        seen.backfills.append(answer["backfillId"])

    with _repeated(fill, 1.0):
        yield


@contextmanager
def _repeated(act: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do something in a thread of its own again and again until the block ends."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _open_backfills(platform: Living) -> list[str]:
    found = platform.ask(BACKFILLS)["partitionBackfillsOrError"]["results"]
    return [each["id"] for each in found if each["status"] not in OVER]


def _soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _await_end(platform: Living, seen: Seen) -> None:
    """Let all that was begun come to its end."""
    if not _soon(lambda: not _open_backfills(platform)):
        seen.problems.append(f"backfills do not end: {_open_backfills(platform)}")
    if not _soon(lambda: all(run["status"] in ENDED for run in platform.runs())):
        states = Counter(run["status"] for run in platform.runs())
        seen.problems.append(f"runs do not end: {dict(states)}")


def _figures(platform: Living, seen: Seen) -> dict[str, Any]:
    """Count runs, backfills, ticks; what failed is a problem, in whichever room."""
    runs = Counter(_outcome(run) for run in platform.runs())
    fills = platform.ask(BACKFILLS)["partitionBackfillsOrError"]["results"]
    ticks: Counter[str] = Counter()
    for room in (EDITED, OTHER, "upkeep"):
        for sensor in platform.ask(SENSORS, room=room)["sensorsOrError"]["results"]:
            for tick in sensor["sensorState"]["ticks"]:
                ticks[f"{room} {tick['status']}"] += 1
                if tick["status"] == "FAILURE":
                    told = str((tick["error"] or {}).get("message"))[:300]
                    seen.problems.append(f"red tick of {sensor['name']}: {told}")
    seen.problems += [
        f"{n} runs ended so: {what}" for what, n in runs.items() if "SUCC" not in what
    ]
    bad = [each for each in fills if each["status"] != "COMPLETED_SUCCESS"]
    seen.problems += [f"backfill {b['id']} ended with {b['status']}: {b['error']}" for b in bad]
    reloads = sorted(seen.reloads)
    return {
        "looks at code locations": seen.looks.total(),
        "looks that found one dark": sum(
            n for what, n in seen.looks.items() if not what.endswith(" RepositoryLocation")
        ),
        "backfills": len(fills),
        "runs": runs.total(),
        "ticks": ticks.total(),
        "until a new mart is an asset, s": round(seen.mart_seconds, 1),
        "median until mended, s": round(reloads[len(reloads) // 2], 1) if reloads else None,
        "slowest until mended, s": round(reloads[-1], 1) if reloads else None,
        **{f"broken by {kind}": n for kind, n in sorted(seen.breaks.items())},
    }


def _outcome(run: Mapping[str, Any]) -> str:
    origin = run["repositoryOrigin"] or {}
    return f"{origin.get('repositoryLocationName')} {run['status']}"
