"""The answer to a question, as JSON."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import numpy as np
import orjson

from watermain.serve.feature_server.catalog import Part
from watermain.serve.feature_server.reader import FoundRows

Status = Literal["present", "stale", "missing"]
_INSTANT = np.dtype("datetime64[us]")
_UTC = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


@dataclass(frozen=True)
class Found:
    """What the store knows of one table's rows.

    Shapes: `statuses` is None where all are present.
    Units: `oldest_us` is the event time of the oldest row that is present.
    """

    part: Part
    rows: FoundRows
    present: int
    stale: int
    oldest_us: int | None
    statuses: Sequence[Status] | None = None

    @property
    def missing(self) -> int:
        """How many rows there are not."""
        return len(self.rows.events) - self.present - self.stale

    @property
    def values(self) -> Sequence[bytes | None]:
        """The stored features of rows that are present, and None for the others."""
        if self.statuses is None:
            return self.rows.values
        both = zip(self.rows.values, self.statuses, strict=True)
        return [value if status == "present" else None for value, status in both]


def judged(part: Part, rows: FoundRows, now_us: int) -> Found:
    """Say of each row whether it is present, stale or missing."""
    events = rows.events
    oldest_right = None if part.max_age_us is None else now_us - part.max_age_us
    if None not in events:
        oldest = min(cast(Sequence[int], events))
        if oldest_right is None or oldest >= oldest_right:
            return Found(part, rows, len(events), 0, oldest)
    statuses = [_status(event_us, oldest_right) for event_us in events]
    present = [e for e, s in zip(events, statuses, strict=True) if e is not None and s == "present"]
    stale = statuses.count("stale")
    return Found(part, rows, len(present), stale, min(present, default=None), statuses)


def _status(event_us: int | None, oldest_right: int | None) -> Status:
    if event_us is None:
        return "missing"
    return "present" if oldest_right is None or event_us >= oldest_right else "stale"


def json_answer(found: Sequence[Found]) -> bytes:
    """Write the answer; what is stored goes into it as it is, where all features are asked for."""
    return b'{"tables":[%b]}' % b",".join([_table(each) for each in found])


def _table(found: Found) -> bytes:
    statuses = found.statuses
    return b'%b,"status":%b,"event_time":%b,"features":[%b]}' % (
        found.part.head,
        _all_present(found.present) if statuses is None else orjson.dumps(statuses),
        _times(found.rows.events),
        b",".join(_features(found.part, found.values)),
    )


@lru_cache(maxsize=64)
def _all_present(count: int) -> bytes:
    return orjson.dumps(["present"] * count)


def _times(events: Sequence[int | None]) -> bytes:
    if None not in events:
        return instants(cast(Sequence[int], events))
    told = iter(instants([e for e in events if e is not None])[1:-1].split(b","))
    return b"[%b]" % b",".join([b"null" if e is None else next(told) for e in events])


def instants(events: Sequence[int]) -> bytes:
    """Write instants, given as microseconds since 1970, as a JSON array of ISO 8601 in UTC."""
    return orjson.dumps(np.frombuffer(array("q", events), _INSTANT), option=_UTC)


def _features(part: Part, values: Sequence[bytes | None]) -> Sequence[bytes]:
    """Give the features of each row as JSON; nulls where it is not present."""
    if not part.is_whole:
        columns = part.chosen.columns
        return [part.blank if v is None else _some(v, columns) for v in values]
    if None in values:
        return [part.blank if v is None else v for v in values]
    return cast(Sequence[bytes], values)


def _some(value: bytes, columns: tuple[str, ...]) -> bytes:
    stored = orjson.loads(value)
    return orjson.dumps({name: stored.get(name) for name in columns})
