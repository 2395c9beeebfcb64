"""A campaign of kills against the endpoint of webhooks, while a reader follows it."""

from __future__ import annotations

import argparse
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.resources.source.kinds import Ledger, thing
from tests.resources.source.web_kinds import SECRET, WebhookKind, signed

ROOT = Path(__file__).resolve().parents[3]
SENDERS = 4


@dataclass
class Tally:
    """What a campaign saw."""

    kills: int = 0
    sent: int = 0
    accepted: int = 0
    repeated: int = 0
    rows: int = 0


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


def campaign(kills: int, seed: int) -> Tally:
    """Kill the endpoint at random moments, some of them while it begins; judge in the end."""
    chance, tally = random.Random(seed), Tally()
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
        for _ in range(kills):
            if chance.random() < 0.75:
                answering(kind)
            time.sleep(chance.random() * 0.3)
            ledger.capture(kind.open(), acknowledge=chance.random() < 0.8)
            process.kill()
            process.wait()
            process = started(kind, port)
            tally.kills += 1
        answering(kind)
        stop.set()
        for thread in threads:
            thread.join()
        process.send_signal(signal.SIGTERM)
        process.wait()
        ledger.capture(kind.open())
        judge(senders, ledger, tally)
    return tally


def judge(senders: list[Sender], ledger: Ledger, tally: Tally) -> None:
    """Compare what was accepted with what was captured."""
    accepted = sorted(key for each in senders for key in each.accepted)
    found = sorted(note for (note,) in ledger.rows("note"))
    assert found == accepted
    events = [row[0] for row in ledger.rows("_sequence")]
    assert events == list(range(len(accepted)))
    tally.accepted, tally.rows = len(accepted), len(found)
    tally.sent = sum(each.sent for each in senders)
    tally.repeated = sum(each.repeated for each in senders)


def started(kind: WebhookKind, port: int) -> subprocess.Popen[bytes]:
    """Start the endpoint as a process."""
    command = [
        sys.executable,
        "-m",
        "tests.resources.source.listening",
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


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def main() -> None:
    """Run a long campaign, print its counts."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--kills", type=int, default=200)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    print(f"seed {given.seed}: {campaign(given.kills, given.seed)}")  # noqa: T201


if __name__ == "__main__":
    main()
