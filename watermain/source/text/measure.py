"""The bounds of one JSON text, measured before it is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

MOST_DEPTH = 128
MOST_VALUES = 1_000_000
TOO_DEEP = f"is nested more than {MOST_DEPTH} deep"
TOO_MANY = f"holds more than {MOST_VALUES} values"
# A text that never ends is taken to its end, so that each byte is looked at only once.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_STEP_BYTES = 2**20
_LEVELS = np.zeros(256, np.int8)
_LEVELS[list(b"[{")], _LEVELS[list(b"]}")] = 1, -1


def excess(record: bytes, most_values: int = MOST_VALUES) -> str | None:
    """Say why a record is too deep or has too many values, or None; sound or not, it is measured.

    Guarantees: the time is that of reading the bytes a few times, and the memory is that of the
    bytes.
    """
    if len(record) <= MOST_DEPTH:
        return None
    opens = record.count(b"[") + record.count(b"{")
    if opens <= MOST_DEPTH and len(record) <= most_values:
        return None
    if opens <= MOST_DEPTH and opens + record.count(b",") <= most_values:
        return None
    bare = _TEXT.sub(b"", record)
    if any(int(each.max()) > MOST_DEPTH for _, each in _depths(bare)):
        return TOO_DEEP
    values = bare.count(b",") + bare.count(b"[") + bare.count(b"{")
    return f"holds more than {most_values} values" if values > most_values else None


def deep_parts(text: bytes) -> list[tuple[int, int]] | None:
    """Where the parts of a text lie that are too deep; None when one of them never ends."""
    blank = _TEXT.sub(lambda found: b'"' * len(found.group()), text)
    edges: list[int] = []
    before = False
    for begin, depths in _depths(blank):
        beneath = np.concatenate(([before], depths > MOST_DEPTH))
        edges += (np.flatnonzero(beneath[1:] != beneath[:-1]) + begin).tolist()
        before = bool(beneath[-1])
    if before:
        return None
    return [(begin, end + 1) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _depths(bare: bytes) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
    """How many brackets are open behind each byte, a part at a time, and the part's place."""
    letters, level = np.frombuffer(bare, np.uint8), 0
    for begin in range(0, len(letters), _STEP_BYTES):
        steps = _LEVELS[letters[begin : begin + _STEP_BYTES]]
        found = np.cumsum(steps, dtype=np.int32) + np.int32(level)
        level = int(found[-1])
        yield begin, found
