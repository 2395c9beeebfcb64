"""What others see of a process that was forked, which the kernel shows as its parent began.

Only Linux has a second way to tell: the words lie in the memory of the process itself, as long as
they were. Elsewhere nothing has room, so that nothing is forked which must be known by its words.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

from watermain.machine.system import IS_LINUX

_COMMAND, _ENVIRONMENT = 45, 47  # fields of /proc/<pid>/stat after the name; ends are behind them
_STAT = Path("/proc/self/stat")


def room_of(name: str, *, linux: bool = IS_LINUX) -> int:
    """The bytes that another value of a variable may have; 0 where none can be shown."""
    return _variable(name)[1] if linux else 0


def show_variable(name: str, value: str) -> None:
    """Show a variable of the environment with another value, which spaces fill up.

    Guarantees: `os.environ` stays as it is.
    Raises: ValueError, where the value is longer than there is room.
    """
    at, room = _variable(name)
    told = value.encode().ljust(room)
    if len(told) != room:
        raise ValueError(f"{value!r} is longer than the {room} bytes that {name} has")
    ctypes.memmove(at, told, room)


def show_command(words: Sequence[str]) -> None:
    """Show other words as the command, cut to the room that the first ones took."""
    start, end = _area(_COMMAND)
    told = b"\0".join(word.encode() for word in words)[: end - start - 1]
    ctypes.memmove(start, told.ljust(end - start, b"\0"), end - start)


def _variable(name: str) -> tuple[int, int]:
    """Where the value of a variable lies that the process was started with, and its length."""
    start, end = _area(_ENVIRONMENT)
    block = b"\0" + ctypes.string_at(start, end - start)
    found = block.find(f"\0{name}=".encode())
    if found < 0:
        return 0, 0
    begins = found + len(name) + 2
    return start + begins - 1, block.index(b"\0", begins) - begins


def _area(field: int) -> tuple[int, int]:
    fields = _STAT.read_text().rpartition(")")[2].split()
    return int(fields[field]), int(fields[field + 1])
