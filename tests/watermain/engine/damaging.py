"""Damage done to data files, as by a disk, as by a hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from watermain.lake.lake import Lake
from watermain.lake.rest.inventory import Listed, inventory
from watermain.lake.rest.verification import Verified, verify

SALES = "shop.curated.sales"


def flip(path: str | Path, bit: int) -> None:
    """Turn one bit of a file round, its times kept as a failing disk keeps them."""
    held, at = bytearray(Path(path).read_bytes()), os.stat(path)
    held[bit // 8] ^= 1 << (bit % 8)
    Path(path).write_bytes(held)
    os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))


def cut(path: Path) -> None:
    """Lose the last byte."""
    os.truncate(path, path.stat().st_size - 1)


def grow(path: Path) -> None:
    """Gain a byte behind the last."""
    path.write_bytes(path.read_bytes() + b"\0")


def blank(path: Path) -> None:
    """Read as zeros, as a lost block does."""
    path.write_bytes(bytes(path.stat().st_size))


def make_folder(path: Path) -> None:
    """Be something else altogether."""
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "gone": (Path.unlink, "the file is gone"),
    "cut": (cut, "it holds 593 bytes, 594 were written"),
    "grown": (grow, "it holds 595 bytes, 594 were written"),
    "blank": (blank, "its bytes are not those that were written"),
    "a folder": (make_folder, "it cannot be read: Is a directory"),
}


def listed(lake: Lake, name: str = SALES, *, kind: str = "data") -> list[Listed]:
    """The files of a dataset that readers read, the oldest first."""
    found = [f for f in inventory(lake, [name]) if f.is_read and f.kind == kind]
    return sorted(found, key=lambda f: f.begun)


def verified(lake: Lake, name: str | None = None) -> list[Verified]:
    """What is found of files."""
    with lake.get_connection() as connection:
        files = inventory(lake, None if name is None else [name])
        return list(verify(lake, connection, files))
