"""Named places where tests make the process fail."""

from __future__ import annotations

import errno
import os
import signal

from watermain.settings import load_settings

_HIT: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Do nothing, unless the failpoint setting says `name=action[:nth]`.

    Actions: `kill` (SIGKILL), `pause` (SIGSTOP), `raise`, `enospc` and `eio`.
    """
    setting = load_settings().failpoint
    if not setting:
        return
    wanted, _, action = setting.partition("=")
    if wanted != name:
        return
    action, _, nth = action.partition(":")
    _HIT[name] = _HIT.get(name, 0) + 1
    if _HIT[name] != int(nth or 1):
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "pause":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action == "raise":
        raise RuntimeError(f"failpoint {name}")
    elif action in ("enospc", "eio"):
        number = getattr(errno, action.upper())
        raise OSError(number, os.strerror(number))
