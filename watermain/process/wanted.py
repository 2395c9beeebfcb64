"""The services that should run, written down in the data folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watermain import durable


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

    def want(self, services: Iterable[str], loaded: str | None = None) -> None:
        """Say anew what should run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = {"services": list(dict.fromkeys(services)), "loaded": loaded or self.loaded()}
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
