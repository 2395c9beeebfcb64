"""The services that should run, written down in the data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from watermain import durable
from watermain.process.identity import ProcessIdentity


@dataclass(frozen=True)
class Wanted:
    """Remember what `watermain up` was to start, until `watermain down`.

    The process table forgets a service that was given up or never began; this does not.
    """

    home: Path

    @property
    def _path(self) -> Path:
        return self.home / "run" / "wanted.json"

    def services(self) -> tuple[str, ...]:
        """The services that should run; nothing where that was never said, or is unreadable."""
        found = self._read().get("services")
        return tuple(map(str, found)) if isinstance(found, list) else ()

    def loaded(self) -> str | None:
        """The day up to which the demo's world was let happen since."""
        found = self._read().get("loaded")
        return found if isinstance(found, str) else None

    def is_coming(self, last: ProcessIdentity | None = None) -> bool:
        """Whether a `watermain up` is at work that has yet to start a service.

        That is one which never ran, or whose `last` process is of before that command.
        """
        try:
            by = ProcessIdentity(**self._read()["by"])
        except (KeyError, TypeError):
            return False
        is_older = last is None or last.boot != by.boot or last.started_ticks < by.started_ticks
        return by.alive() and is_older

    def want(self, services: Iterable[str], loaded: str | None = None) -> None:
        """Say anew what should run; this process is to start it, until it says `come`."""
        self._write(services, loaded or self.loaded(), asdict(ProcessIdentity.of(os.getpid())))

    def come(self) -> None:
        """Say that all was started that was to start."""
        self._write(self.services(), self.loaded(), None)

    def _write(
        self, services: Iterable[str], loaded: str | None, by: dict[str, Any] | None
    ) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = {"services": list(dict.fromkeys(services)), "loaded": loaded, "by": by}
        durable.replace(self._path, json.dumps(said))

    def forget(self) -> None:
        """Want nothing."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
