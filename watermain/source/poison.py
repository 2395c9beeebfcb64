"""The singling out of the one record that cannot be read."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import pyarrow as pa

LOG = logging.getLogger("watermain.poison")
# What a value can bring about or a mistake of ours that it meets. A server that is away, a full
# disk, a lease that moved on or the end of the process is none of these.
POISON = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    pa.ArrowException,
    struct.error,
)
_MOST_SHOWN = 200
_SHOWN: set[type[BaseException]] = set()
Read = TypeVar("Read")


class UnreadableRecordError(Exception):
    """Report a record that cannot be read; the reason is its text."""


class Poisoned(NamedTuple):
    """The place of a record that cannot be read, and the reason."""

    place: int
    reason: str


def sifted(
    read: Callable[[int, int], Read],
    begin: int,
    end: int,
    fatal: tuple[type[Exception], ...] = POISON,
) -> Iterator[Read | Poisoned]:
    """Read the places from `begin` up to `end` at once; where that raises, read each half alone.

    Guarantees: what is given is in order; a place is poisoned only if reading it alone raises,
    be it UnreadableRecordError or an error that is `fatal` to it, whose type is then in the reason.
    """
    caught: tuple[type[Exception], ...] = (UnreadableRecordError, *fatal)
    try:
        found = read(begin, end)
    except caught as error:
        if end - begin <= 1:
            yield Poisoned(begin, cannot_be_read(error))
            return
    else:
        yield found
        return
    middle = (begin + end) // 2
    yield from sifted(read, begin, middle, fatal)
    yield from sifted(read, middle, end, fatal)


def hushed(reasons: str) -> str:
    """The SQL of reasons without what an error said, which may hold values of the record."""
    return f"regexp_replace({reasons}, '^(cannot be read: [^:]*): .*$', '\\1: ***')"


def cannot_be_read(error: BaseException) -> str:
    """Say why, with the error's type, so that a mistake of ours is seen as one.

    The log has a line of each and its traceback once for each type, so that nobody can fill it.
    """
    if isinstance(error, UnreadableRecordError):
        return str(error)
    fresh = type(error) not in _SHOWN
    _SHOWN.add(type(error))
    shown_trace = error if fresh else None
    LOG.warning("record put aside: %s", type(error).__name__, exc_info=shown_trace)
    first = (str(error).strip().splitlines() or [""])[0][:_MOST_SHOWN]
    shown = "".join(c if c.isprintable() else "?" for c in first)
    return f"cannot be read: {type(error).__name__}" + (f": {shown}" if shown else "")
