"""The console as a service of a platform."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from watermain.cli.platform.console import VARIABLE, answering, open_console
from watermain.cli.platform.doctor import CHECKS
from watermain.process import platform as services
from watermain.process.platform import CONSOLE, STOP_ORDER, Services
from watermain.settings import load_settings


@pytest.fixture
def platform(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A platform whose console may be started; it is stopped in the end."""
    (home / "watermain.env").write_text(f"{VARIABLE}={free_port()}\n")
    made = Services(load_settings())
    yield made
    made.supervisor.stop(CONSOLE)


def test_console_is_started_and_answers(platform: Services) -> None:
    """At the port that is set; a second time it is left as it is."""
    open_console(platform)
    entry, url = platform.supervisor.alive(CONSOLE), platform.console_url
    assert entry is not None
    assert answering(url) == entry.pid
    open_console(platform)
    again = platform.supervisor.alive(CONSOLE)
    assert again is not None
    assert again.pid == entry.pid
    assert CHECKS["console"](load_settings()) == (True, f"{url} is ours", _log(platform))


def test_port_that_is_taken_is_left_to_who_has_it(platform: Services) -> None:
    """A free one is taken, and remembered for links and for later commands."""
    with socket.create_server(("127.0.0.1", platform.settings.console_port)):
        open_console(platform)
        now = Services(load_settings())
        assert now.settings.console_port != platform.settings.console_port
        entry = now.supervisor.alive(CONSOLE)
        assert entry is not None
        assert answering(now.console_url) == entry.pid


def test_console_that_does_not_start_is_told(
    platform: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps nothing else from starting."""
    monkeypatch.setattr(services.sys, "executable", "/bin/false")
    open_console(platform)
    assert "it does not answer at" in " ".join(capsys.readouterr().err.split())


def test_doctor_misses_a_console_that_is_away(platform: Services) -> None:
    """With where to look."""
    told = (False, f"none at {platform.console_url}", _log(platform))
    assert CHECKS["console"](load_settings()) == told


def test_console_stops_with_the_platform() -> None:
    """It reads what others still write: it goes first, after who would start it again."""
    assert STOP_ORDER[:2] == ("tend", CONSOLE)


def _log(platform: Services) -> str:
    return f"tail -50 {platform.settings.home / 'logs' / 'console.log'}"
