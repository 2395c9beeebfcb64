"""A process that begins anew when the code that it loaded has changed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watermain.orchestrate.launch.freshness import LoadedSources
from watermain.settings import child_environment

LOOK_SECONDS = 3.0
CHECK = "--check"
STAY = "--stay"  # though nothing flows in the rooms that were mended


@dataclass(kw_only=True)
class Renewal:
    """Look at the files behind this process; end its work once they changed and load again.

    `broken` are the rooms that did not load when it began; files of theirs stand in `roots`.
    Guarantees: while what changed does not load, the process goes on with what it has.
    """

    roots: Sequence[Path]
    began_ns: int
    stop: threading.Event
    tell: Callable[[str], None]
    broken: frozenset[str] = frozenset()
    is_due: bool = False
    loaded: LoadedSources = field(init=False)

    def __post_init__(self) -> None:
        self.loaded = LoadedSources.taken(self.roots, since_ns=self.began_ns)

    def start(self) -> None:
        """Look now and then, beside the work."""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        """Look until there is a reason to begin anew, or until it is told to stop."""
        refused: list[Path] = []
        since = 0
        while not self.stop.wait(LOOK_SECONDS):
            changed = self.loaded.changed()
            newest = max((_changed_ns(path) for path in changed), default=0)
            if not changed or (changed == refused and newest == since):
                continue
            if worse := self._unloaded() - self.broken:
                self.tell(f"{', '.join(sorted(worse))} changed but does not load; it goes on as is")
                refused, since = changed, newest
                continue
            self.tell(f"{changed[0].name} changed; it begins anew")
            self.is_due = True
            self.stop.set()

    def begin_anew(self) -> None:
        """Become a new process of the same command, under the same number.

        One that began beside a room that did not load stays, though nothing may flow in it.
        """
        sys.stderr.flush()
        words = [w for w in sys.orig_argv[1:] if w != STAY]
        stays = [STAY] if self.broken or STAY in sys.orig_argv else []
        os.execve(sys.executable, [sys.executable, *words, *stays], child_environment())

    def _unloaded(self) -> frozenset[str]:
        """The rooms that a new process of the same command cannot load."""
        asked = [sys.executable, *sys.orig_argv[1:], CHECK]
        done = subprocess.run(
            asked,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return frozenset(["the command"])
        return frozenset(done.stdout.split())


def now_ns() -> int:
    """The instant at which loading begins."""
    return time.time_ns()


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
