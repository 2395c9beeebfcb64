"""The console as a service of the platform."""

from __future__ import annotations

import time

import httpx

from watermain.cli.platform.outside import write_variables
from watermain.cli.screen import step
from watermain.process.broker import answers, free_port
from watermain.process.platform import CONSOLE, Services
from watermain.settings import load_settings

OPEN_SECONDS = 60.0
TURNS = 2  # two platforms that start at once may choose the same port
VARIABLE = "WATERMAIN_CONSOLE_PORT"


def open_console(platform: Services) -> None:
    """Serve the console at the set port or a free one, which datasets in Dagster link to.

    Guarantees: a console that does not start is told, and keeps nothing else from starting.
    """
    with step("console") as line:
        now = platform
        for _ in range(TURNS):
            port = now.settings.console_port
            if now.supervisor.alive(CONSOLE) is None:
                port = free_port() if answers(port) else port
            write_variables(platform.settings, {VARIABLE: str(port)})  # for later commands, too
            now = Services(load_settings())
            entry = now.start(CONSOLE)
            if is_answering(now, entry.pid, OPEN_SECONDS):
                line.say(f"{CONSOLE} {entry.pid} at {now.console_url}")
                return
        line.fail(f"it does not answer at {now.console_url}; next: tail -50 {entry.log}")


def is_answering(platform: Services, pid: int, seconds: float) -> bool:
    """Whether a process answers as the console within a time; no longer once it has ended."""
    until = time.monotonic() + seconds
    while (found := answering(platform.console_url)) != pid:
        is_dead = platform.supervisor.alive(CONSOLE) is None
        if is_dead or found is not None or time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def answering(url: str) -> int | None:
    """The process that answers as a console at an address; None where there is none."""
    try:
        told = httpx.get(f"{url}/health", timeout=5, trust_env=False).json()
        return int(told["pid"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
