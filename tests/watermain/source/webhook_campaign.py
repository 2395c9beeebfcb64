"""A campaign of kills against the endpoint of webhooks, while a reader follows it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port
from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.web_kinds import SECRET, WebhookKind, signed

ROOT = Path(__file__).resolve().parents[3]
SENDERS = 4


@dataclass
class Sender:
    """Send events one after another, each again with its key until it is accepted."""

    name: int
    kind: WebhookKind
    stop: threading.Event
    accepted: list[str] = field(default_factory=list)
    sent: int = 0
    repeated: int = 0

    def run(self) -> None:
        """Send until told to stop; the last event is brought to its end."""
        number = 0
        with httpx.Client(trust_env=False, verify=False, timeout=10) as client:
            while not self.stop.is_set():
                number += 1
                key = f"{self.name}-{number}"
                while not self._taken(client, key):
                    time.sleep(0.01)
                self.accepted.append(key)

    def _taken(self, client: httpx.Client, key: str) -> bool:
        body = json.dumps(thing(len(self.accepted), key)).encode()
        self.sent += 1
        headers = signed(body, key, SECRET, int(time.time()))
        try:
            answer = client.post(
                self.kind.address + self.kind.word.path, content=body, headers=headers
            )
        except httpx.TransportError:
            return False
        self.repeated += answer.text.count("before")
        return answer.status_code == 202


def campaign(count: int, seed: int) -> dict[str, Any]:
    """Kill the endpoint at random moments, some of them while it begins; give what was wrong."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="webhook-campaign-") as folder:
        kind = WebhookKind(Path(folder) / "home")
        port = free_port()
        kind.address = f"http://127.0.0.1:{port}"
        stop, ledger = threading.Event(), Ledger()
        senders = [Sender(n, kind, stop) for n in range(SENDERS)]
        threads = [threading.Thread(target=each.run) for each in senders]
        for thread in threads:
            thread.start()
        process = started(kind, port)
        for _ in range(count):
            if chance.random() < 0.75:
                answering(kind)
            time.sleep(chance.random() * 0.3)
            ledger.capture(kind.open(), acknowledge=chance.random() < 0.8)
            process.kill()
            process.wait()
            process = started(kind, port)
        answering(kind)
        stop.set()
        for thread in threads:
            thread.join()
        process.send_signal(signal.SIGTERM)
        process.wait()
        ledger.capture(kind.open())
    figures = {
        "sent": sum(each.sent for each in senders),
        "accepted": sum(len(each.accepted) for each in senders),
        "repeated": sum(each.repeated for each in senders),
        "rows": len(ledger.rows()),
    }
    problems = judged(senders, ledger)
    return {"count": count, "figures": figures, "problems": problems, "left_out": ""}


def judged(senders: list[Sender], ledger: Ledger) -> list[str]:
    """Compare what was accepted with what was captured."""
    accepted = Counter(key for each in senders for key in each.accepted)
    found = Counter(note for (note,) in ledger.rows("note"))
    events = [row[0] for row in ledger.rows("_sequence")]
    holes = sum(n != event for n, event in enumerate(events))
    return [
        *(f"accepted event {key} is missing" for key in list(accepted - found)[:3]),
        *(f"event {key} is doubled or was never accepted" for key in list(found - accepted)[:3]),
        *([f"{holes} events have another number than their place"] if holes else []),
    ]


def started(kind: WebhookKind, port: int) -> subprocess.Popen[bytes]:
    """Start the endpoint as a process."""
    command = [
        sys.executable,
        "-m",
        "tests.watermain.source.listening",
        str(kind.folder),
        str(port),
    ]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def answering(kind: WebhookKind) -> None:
    """Wait until the endpoint answers."""
    while True:
        try:
            httpx.get(kind.address, trust_env=False, verify=False)
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
