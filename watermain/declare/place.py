"""Where a declaration stands in the code."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def place(frame_depth: int = 2) -> str:
    """Where the calling declaration stands, as `file:line`."""
    frame = sys._getframe(frame_depth)
    return shown(frame.f_code.co_filename, frame.f_lineno)


def shown(filename: str, line: int) -> str:
    """A line of code, its file named from the repository's root where it lies there."""
    path = Path(filename)
    return f"{path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path}:{line}"
