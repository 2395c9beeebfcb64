"""What streams of a data folder wait for, told to whoever asks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

from watermain import durable
from watermain.declare.errors import WatermainError

FOLDER = "trouble"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a dataset stands still: the error, since when, how often tried, and when tried again."""

    dataset: str
    kind: str
    what: str
    next: str
    since: str
    tries: int
    again_at: str
    pid: int

    def __str__(self) -> str:
        return (
            f"{self.dataset} waits since {self.since[:19]}Z, tried {self.tries} times,"
            f" again at {self.again_at[:19]}Z: {self.kind}: {self.what}"
        )


def begin(
    home: Path, dataset: str, error: WatermainError, *, now: datetime, again_at: datetime
) -> None:
    """Write down that a dataset's stream met an error; count its tries."""
    path = _path(home, dataset)
    before = _read(path)
    same = before is not None and before.pid == os.getpid()
    found = Trouble(
        dataset=dataset,
        kind=type(error).__name__,
        what=error.what,
        next=error.next,
        since=before.since if before is not None and same else now.isoformat(),
        tries=before.tries + 1 if before is not None and same else 1,
        again_at=again_at.isoformat(),
        pid=os.getpid(),
    )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.replace(path, json.dumps(asdict(found)))


def end(home: Path, dataset: str) -> None:
    """Forget what a dataset's stream waited for."""
    _path(home, dataset).unlink(missing_ok=True)


def troubles(home: Path) -> list[Trouble]:
    """What living streams wait for, by dataset."""
    return sorted(_living(home), key=lambda each: each.dataset)


def left(home: Path) -> set[str]:
    """The datasets whose stream ended in trouble; nobody knows how they stand."""
    known = {path.name.removesuffix(".json") for path in (home / FOLDER).glob("*.json")}
    return known - {each.dataset for each in _living(home)}


def _living(home: Path) -> Iterator[Trouble]:
    for path in (home / FOLDER).glob("*.json"):
        found = _read(path)
        if found is not None and psutil.pid_exists(found.pid):
            yield found


def _path(home: Path, dataset: str) -> Path:
    return home / FOLDER / f"{dataset}.json"


def _read(path: Path) -> Trouble | None:
    try:
        return Trouble(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
