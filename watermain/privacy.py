"""The folders of the platform as their owner's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from watermain.process.server_account import server_account
from watermain.settings import Settings

OTHERS = stat.S_IRWXG | stat.S_IRWXO
PASSING = stat.S_IXGRP | stat.S_IXOTH  # walking through a folder without seeing what is in it


def close(settings: Settings) -> list[Path]:
    """Take from everybody else what is in the data folder; give the paths that were open.

    Guarantees: folders that exist are closed as new ones are, and so is what lies in them; where
    the embedded server runs under another account, that may still walk through.
    """
    for folder in _folders(settings):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    closed = open_to_others(settings)
    for path in closed:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_forbidden(settings))
    return closed


def open_to_others(settings: Settings) -> list[Path]:
    """The folders of the platform, and what lies in them, that others may read or walk into."""
    found = [f for f in _folders(settings) if f.exists()]
    inside = [entry for folder in found for entry in sorted(folder.iterdir())]
    forbidden = _forbidden(settings)
    return [path for path in (*found, *inside) if _is_ours(path) and _mode(path) & forbidden]


def _folders(settings: Settings) -> list[Path]:
    """The data folder; the lake's own where it lies elsewhere on this machine."""
    lake = settings.lake_folder
    places = [settings.home]
    if not lake.startswith("s3://") and settings.home not in Path(lake).parents:
        places.append(Path(lake))
    return places


def _forbidden(settings: Settings) -> int:
    other = server_account(settings.home / "postgres" / "data").uid != os.geteuid()
    return OTHERS & ~PASSING if other else OTHERS


def _is_ours(path: Path) -> bool:
    found = path.lstat()
    return found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)


def _mode(path: Path) -> int:
    found = path.lstat()
    return 0 if stat.S_ISSOCK(found.st_mode) else stat.S_IMODE(found.st_mode)
