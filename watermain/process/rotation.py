"""Logs that stay within a size, each with one former file beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FORMER = ".1"  # the suffix of the file that was the log before
CHUNK = 1 << 20
LOGS = ("logs/*.log", "postgres/server.log", "demo/postgres/server.log")


def rotate_logs(home: Path, most_bytes: int) -> list[Path]:
    """Rotate every log of a data folder that has grown beyond a size; give those."""
    return [log for log in _logs(home) if rotate(log, most_bytes)]


def rotate(log: Path, most_bytes: int) -> bool:
    """Move what a log holds to the file beside it once it is too long; say whether it was.

    Guarantees: its writer, which appends, notices nothing and is not stopped; a file that was
    there before goes. What is written between the last read and the cut is lost, at most a line.
    """
    with suppress(FileNotFoundError):
        if log.stat().st_size > most_bytes:
            _cut(log)
            return True
    return False


def _logs(home: Path) -> Iterator[Path]:
    for pattern in LOGS:
        yield from sorted(home.glob(pattern))


def _cut(log: Path) -> None:
    former, making = log.with_name(log.name + FORMER), log.with_name(log.name + ".making")
    with log.open("r+b") as source:
        handle = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb", buffering=0) as target:
            while piece := source.read(CHUNK):
                target.write(piece)
            source.truncate(0)
    making.rename(former)
