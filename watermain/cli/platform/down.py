"""`watermain down`: every started process stops."""

from __future__ import annotations

from watermain.cli import screen
from watermain.cli.platform.console import VARIABLE
from watermain.cli.platform.outside import write_variables
from watermain.process.platform import Services
from watermain.settings import load_settings


def down() -> None:
    """Stop every process that `watermain up` started; safe when nothing runs."""
    platform = Services(load_settings())
    with platform.supervisor.alone(), screen.step("stop") as line:
        told = platform.stop()
        if (platform.settings.home / "watermain.env").exists():
            write_variables(platform.settings, {"WATERMAIN_PORT": None, VARIABLE: None})
        line.say("; ".join(told) or "nothing was running")
