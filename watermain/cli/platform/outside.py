"""The demo's outside world, driven by its own command."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from watermain import durable
from watermain.cli.platform.filling import TODAY
from watermain.cli.run.flow import processes
from watermain.cli.screen import ERR, step
from watermain.declare.errors import MissingSettingError, UnreachableSystemError
from watermain.engine.rooms.declared import feature_tables
from watermain.process.broker import answers, free_port
from watermain.process.instance import instance_environment
from watermain.process.platform import OUTSIDE, SERVE, Services
from watermain.settings import SOURCE, Settings, child_environment, load_settings, project

OPEN_SECONDS = 60.0


def open_outside(platform: Services) -> None:
    """Start the demo's systems and tell the platform where they are."""
    settings = platform.settings
    with step("demo database") as line:
        facts = _demo(settings, "up")
        line.say(f"process {facts['pid']}")
    drop = settings.home / "demo" / "partner_drop"
    with step("demo files") as line:
        if not drop.exists():
            _demo(settings, "drop")
        line.say(f"{', '.join(sorted(f.name for f in drop.iterdir()))} in {drop.name}/")
    write_variables(
        settings, {f"{SOURCE}OPERATIONS_DB": str(facts["dsn"]), f"{SOURCE}PARTNER_DROP": str(drop)}
    )
    with step("demo servers") as line:
        line.say(", ".join(_serve(platform)))


def load_outside(platform: Services, words: Sequence[str]) -> str:
    """Let days happen in the demo's systems; give the last one, or TODAY where they go on.

    Guarantees: the platform knows with which day its data begin before anything of it starts.
    """
    with step("flights", spinner=False) as line:
        counts = _demo(platform.settings, "load", *words)
        since, until = counts.get("since"), counts.get("until", TODAY)
        write_variables(platform.settings, {"WATERMAIN_DATA_SINCE": since})
        days = f"of {since} until now" if since else f"as recorded until {until}"
        line.say(
            f"{days}: {counts['flights']:,} flights, {counts['replayed_changes']:,} changes,"
            f" {counts['movements']:,} new messages, {counts['weather_days']} new days of weather"
        )
    return str(until)


def _serve(platform: Services) -> list[str]:
    """Start the demo's servers, each at the port that it had before or at a free one.

    Raises: UnreachableSystemError, for one that does not answer.
    """
    told = []
    for name, (connection, scheme) in OUTSIDE.items():
        if platform.supervisor.alive(name) is None:
            held = known_port(platform, name)
            port = free_port() if held is None or answers(held) else held
            variable = f"{SOURCE}{connection.upper()}"
            write_variables(platform.settings, {variable: f"{scheme}127.0.0.1:{port}"})
        entry, port = platform.start(name), platform.outside_port(name)
        deadline = time.monotonic() + OPEN_SECONDS
        while not answers(port):
            if entry.process() is None or time.monotonic() > deadline:
                raise UnreachableSystemError(
                    f"the demo's server `{name}` does not answer at port {port}",
                    declared=f"{project().demo}/",
                    data="unchanged; what was started runs on until `watermain down`",
                    next=f"tail -50 {entry.log}",
                )
            time.sleep(0.05)
        told.append(f"{name} {entry.pid} at {port}")
    return told


def open_features(platform: Services) -> None:
    """Follow what the project streams; answer for its features at the set port or a free one."""
    streams, tables = processes(), feature_tables()
    if not streams and not tables:
        return
    with step("features" if tables else "streams") as line:
        pids = {}
        for name in streams:
            pids[name] = platform.start(name).pid
        if not tables:
            line.say(", ".join(f"{name} {pid}" for name, pid in pids.items()))
            return
        if platform.supervisor.alive(SERVE) is None and answers(platform.settings.serve_port):
            write_variables(platform.settings, {"WATERMAIN_SERVE_PORT": str(free_port())})
        now = Services(load_settings())
        pids[SERVE] = now.start(SERVE).pid
        line.say(", ".join(f"{n} {pid}" for n, pid in pids.items()) + f" at {now.features_url}")


def known_port(platform: Services, name: str) -> int | None:
    """The port that a server of the demo had the last time."""
    try:
        return platform.outside_port(name)
    except MissingSettingError:
        return None


def write_variables(settings: Settings, values: dict[str, str | None]) -> None:
    """Set variables in the data folder's `watermain.env`; None takes one out."""
    path = settings.home / "watermain.env"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0] not in values]
    added = [f"{name}={value}" for name, value in values.items() if value is not None]
    durable.replace(path, "".join(f"{line}\n" for line in [*kept, *added]))


def _demo(settings: Settings, *words: str) -> dict[str, Any]:
    """Run a command of the demo; give the facts that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", project().demo, *words, "--json"],
        env=child_environment(**instance_environment(settings)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if ERR.is_terminal else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or "the reason stands above").strip().splitlines()
        asked = f"python -m {project().demo} {' '.join(words)}"
        raise UnreachableSystemError(
            f"`{asked}` ended with code {done.returncode}: {said[0]}",
            declared=f"{project().demo}/",
            data="what was loaded before is kept; the same command continues",
            next=asked,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
