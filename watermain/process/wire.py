"""One JSON line each way over a unix socket.

The socket lies in a folder that only its owner may enter; a peer of another user is refused.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from watermain.machine.system import peer_user, short_path

MOST_BYTES = 4 * 1024 * 1024
SOCKET_NAME = "server.sock"

Line = dict[str, Any]


class BrokenLineError(ConnectionError):
    """Report a peer that hung up or said something that is not one JSON line."""


def listen(folder: Path) -> socket.socket:
    """Bind the socket of a folder anew; the caller has made sure that nobody else serves it."""
    folder.joinpath(SOCKET_NAME).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(folder, SOCKET_NAME) as path:
        server.bind(path)
    server.listen(256)
    return server


def ask(folder: Path, question: Line, patience_seconds: float) -> Line:
    """Send one line to the server of a folder, and give its answer.

    Raises: FileNotFoundError or ConnectionError without a server, or TimeoutError without an
    answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(patience_seconds)
        with short_path(folder, SOCKET_NAME) as path:
            client.connect(path)
        send(client, question)
        return receive(client)


def send(peer: socket.socket, line: Line) -> None:
    """Write one line."""
    peer.sendall(json.dumps(line).encode() + b"\n")


def receive(peer: socket.socket) -> Line:
    """Read one line of a bounded length."""
    raw = bytearray()
    while not raw.endswith(b"\n"):
        piece = peer.recv(65536)
        raw += piece
        if not piece or len(raw) > MOST_BYTES:
            raise BrokenLineError(f"no whole line in {len(raw)} bytes")
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise BrokenLineError(f"not a JSON line: {error}") from error
    if not isinstance(line, dict):
        raise BrokenLineError("not a JSON object")
    return line


def same_user(peer: socket.socket) -> bool:
    """Tell whether the process at the other end belongs to our user."""
    return peer_user(peer) == os.getuid()
