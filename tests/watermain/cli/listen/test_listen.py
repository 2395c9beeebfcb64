"""`watermain listen` serves what is declared."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.watermain.cli.test_command import watermain
from tests.watermain.source.web_kinds import SECRET, signed
from watermain.cli.exits import WRONG_USE

pytestmark = pytest.mark.slow  # each starts the command

ROOM = '''"""A room with a webhook."""

import pyarrow as pa

from watermain.declare import Column, Contract, Webhook, raw

events = raw(
    "shop.raw.events",
    source=Webhook(path="/hooks/events", scheme="watermain", secret="env:HOOK_SECRET"),
    contract=Contract(
        grain="one row per event", key=("id",), columns=(Column("id", pa.string(), "it"),)
    ),
    owner="team:shop",
)
'''
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import room
import watermain.cli.listen.listen as command
command.everything = lambda: {"shop.raw.events": room.events}
command.listen(host="127.0.0.1", port=int(sys.argv[2]))
"""


def test_listen_says_so_when_nothing_is_declared(tmp_path: Path) -> None:
    """Four lines, nothing started."""
    done = watermain("listen", WATERMAIN_DATA_DIR=str(tmp_path))
    assert done.returncode == WRONG_USE
    assert "no dataset is declared with a webhook" in done.stderr


def test_listen_takes_events_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path is told, an event is accepted, a signal ends it in order."""
    (tmp_path / "room.py").write_text(ROOM)
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks/events"
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == f"POST {url}\n"
        listening(port, process)
        headers = signed(b"{}", "a", SECRET, int(time.time()))
        answer = httpx.post(
            url, content=b"{}", headers=headers, trust_env=False, verify=False, timeout=60
        )
        assert answer.status_code == 202
        assert httpx.get(url, trust_env=False, verify=False, timeout=60).status_code == 405
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert (tmp_path / "data" / "inbox" / "shop.raw.events" / "identity").exists()


def listening(port: int, process: subprocess.Popen[str]) -> None:
    """Wait until a process listens on a port."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("it ended before it listened")
