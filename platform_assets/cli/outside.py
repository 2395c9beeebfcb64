"""The demo's outside world, driven by its own command."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from platform_assets.cli.screen import ERR, step
from platform_assets.declare.errors import UnreachableSystemError
from resources.instance import instance_environment
from resources.settings import Settings, child_environment

SOURCES = ("WATERMAIN_SOURCE_OPERATIONS_DB", "WATERMAIN_SOURCE_PARTNER_DROP")


def open_outside(settings: Settings, until: str) -> None:
    """Start the demo's systems, let flights happen in them, tell the platform where they are."""
    with step("demo database") as line:
        facts = _demo(settings, "up")
        line.say(f"process {facts['pid']}")
    drop = settings.home / "demo" / "partner_drop"
    with step("demo files") as line:
        if not drop.exists():
            _demo(settings, "drop")
        line.say(f"{', '.join(sorted(f.name for f in drop.iterdir()))} in {drop.name}/")
    write_variables(settings, dict(zip(SOURCES, (str(facts["dsn"]), str(drop)), strict=True)))
    with step(f"flights until {until}", spinner=False) as line:
        counts = _demo(settings, "load", "--until", until)
        line.say(f"{counts['flights']:,} flights, {counts['replayed_changes']:,} changes")


def write_variables(settings: Settings, values: dict[str, str | None]) -> None:
    """Set variables in the data folder's `watermain.env`; None takes one out."""
    path = settings.home / "watermain.env"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0] not in values]
    added = [f"{name}={value}" for name, value in values.items() if value is not None]
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text("".join(f"{line}\n" for line in [*kept, *added]))
    fresh.rename(path)


def _demo(settings: Settings, *words: str) -> dict[str, Any]:
    """Run a command of the demo; give the facts that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "demo", *words, "--json"],
        env=child_environment(**instance_environment(settings)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if ERR.is_terminal else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or "the reason stands above").strip().splitlines()
        raise UnreachableSystemError(
            f"`python -m demo {' '.join(words)}` ended with code {done.returncode}: {said[0]}",
            declared="demo/",
            data="what was loaded before is kept; the same command continues",
            next=f"python -m demo {' '.join(words)}",
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
