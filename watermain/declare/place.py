"""Where a declaration stands in the code."""

from __future__ import annotations

import sys
from pathlib import Path


def place(frame_depth: int = 2) -> str:
    """Where the calling declaration stands, as `file:line`."""
    frame = sys._getframe(frame_depth)
    return shown(frame.f_code.co_filename, frame.f_lineno)


def shown(filename: str, line: int) -> str:
    """A line of code, its file named from the folder that it is imported from."""
    path = Path(filename)
    homes = [entry for entry in sys.path if entry and path.is_relative_to(entry)]
    return f"{path.relative_to(max(homes, key=len)) if homes else path}:{line}"
