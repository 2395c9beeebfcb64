"""The command that serves the console, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from watermain.settings import child_environment

ORDER = signal.SIGTERM


@pytest.fixture
def served(home: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a console over an empty database."""
    port = free_port()
    command = [sys.executable, "-m", "watermain", "console", "--port", str(port)]
    process = subprocess.Popen(command, env=child_environment(), stderr=subprocess.PIPE)
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while _asked(url) is None and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        yield url, process
    finally:
        process.kill()
        process.communicate()


def _asked(url: str) -> dict[str, int] | None:
    try:
        found: dict[str, int] = httpx.get(f"{url}/health", trust_env=False).json()
        return found
    except httpx.HTTPError:
        return None


def test_console_says_which_process_answers(
    served: tuple[str, subprocess.Popen[bytes]],
) -> None:
    """Whoever started it knows that it is its own."""
    url, process = served
    assert _asked(url) == {"pid": process.pid}


def test_console_answers_to_its_own_name_alone(
    served: tuple[str, subprocess.Popen[bytes]],
) -> None:
    """A page elsewhere whose name was made to lead here gets nothing."""
    url, _ = served
    assert httpx.get(f"{url}/datasets", trust_env=False).status_code == 200
    other = httpx.get(f"{url}/datasets", headers={"Host": "example.org"}, trust_env=False)
    assert other.status_code == 421
    assert "server" not in other.headers


def test_console_ends_when_told_to(served: tuple[str, subprocess.Popen[bytes]]) -> None:
    """Without an error on its way."""
    url, process = served
    assert httpx.get(f"{url}/", trust_env=False).status_code == 200
    process.send_signal(ORDER)
    _, told = process.communicate(timeout=60)
    assert process.returncode in (0, -ORDER)
    assert b"Traceback" not in told
    assert told.decode().splitlines()[0] == url


def test_static_files_come_from_the_wheel(
    served: tuple[str, subprocess.Popen[bytes]],
) -> None:
    """The library of the plots beside its licence; nothing is asked for elsewhere."""
    url, _ = served
    with httpx.Client(base_url=url, trust_env=False) as client:
        page = client.get("/").text
        for name in ("uplot/uPlot.iife.min.js", "uplot/uPlot.min.css", "console.js", "console.css"):
            assert f'"/static/{name}"' in page
            assert client.get(f"/static/{name}").status_code == 200
        assert "The MIT License" in client.get("/static/uplot/LICENSE").text
        for name in ("console.js", "console.css"):
            assert "http" not in client.get(f"/static/{name}").text
    assert json.dumps(page).count("https://") == 0
