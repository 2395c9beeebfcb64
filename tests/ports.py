"""A port of this machine that no other test takes."""

from __future__ import annotations

import os
import random
import socket
from itertools import cycle

# Below what the kernel hands out by itself, so that no connection of another program takes a port
# between the moment it is found free and the moment it is listened on; a share for each worker.
FIRST, LAST, SHARES = 20_000, 32_000, 24
_SHARE = (LAST - FIRST) // SHARES
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES
_BEGIN = random.SystemRandom().randrange(_SHARE)
_TURNS = cycle(FIRST + _WORKER * _SHARE + (_BEGIN + n) % _SHARE for n in range(_SHARE))


def free_port() -> int:
    """A loopback port that nobody listens on, in turn."""
    for port in _TURNS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("it never ends")
