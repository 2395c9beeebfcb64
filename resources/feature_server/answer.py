"""The answer to a question, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import orjson

from resources.feature_server.catalog import Part
from resources.online_store.protocol import Kept

Status = Literal["present", "stale", "missing"]
_UTC = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


@dataclass(frozen=True)
class Found:
    """What the store knows of one table's rows.

    Units: `oldest_us` is the event time of the oldest row that is present.
    """

    part: Part
    rows: Sequence[Kept | None]
    present: int
    stale: int
    oldest_us: int | None
    statuses: Sequence[Status] | None

    @property
    def missing(self) -> int:
        """How many rows there are not."""
        return len(self.rows) - self.present - self.stale


def judged(part: Part, rows: Sequence[Kept | None], now_us: int) -> Found:
    """Say of each row whether it is present, stale or missing.

    Shapes: `statuses` is None where all are present.
    """
    oldest_right = None if part.max_age_us is None else now_us - part.max_age_us
    if None not in rows:
        oldest = min(row[0] for row in rows)  # type: ignore[index]
        if oldest_right is None or oldest >= oldest_right:
            return Found(part, rows, len(rows), 0, oldest, None)
    statuses: list[Status] = [
        "missing"
        if row is None
        else "present"
        if oldest_right is None or row.event_us >= oldest_right
        else "stale"
        for row in rows
    ]
    present = [r.event_us for r, s in zip(rows, statuses, strict=True) if r and s == "present"]
    return Found(
        part,
        rows,
        len(present),
        statuses.count("stale"),
        min(present, default=None),
        statuses,
    )


def json_answer(found: Sequence[Found]) -> bytes:
    """Write the answer; what is stored goes into it as it is, where all features are asked for."""
    return b'{"tables":[%b]}' % b",".join(map(_table, found))


def _table(found: Found) -> bytes:
    if found.statuses is None:
        events, values = zip(*found.rows, strict=True)  # type: ignore[arg-type]
        statuses, times = _all_present(len(values)), instants(events)
    else:
        statuses, times = orjson.dumps(found.statuses), _times(found)
        values = tuple(
            row.value if row is not None and status == "present" else None
            for row, status in zip(found.rows, found.statuses, strict=True)
        )
    return b'%b,"status":%b,"event_time":%b,"features":[%b]}' % (
        found.part.head,
        statuses,
        times,
        b",".join(_features(found.part, values)),
    )


@lru_cache(maxsize=64)
def _all_present(count: int) -> bytes:
    return orjson.dumps(["present"] * count)


def instants(events: Sequence[int]) -> bytes:
    """Write instants, given as microseconds since 1970, as a JSON array of ISO 8601 in UTC."""
    return orjson.dumps(np.array(events, "datetime64[us]"), option=_UTC)


def _times(found: Found) -> bytes:
    kept = [row.event_us for row in found.rows if row is not None]
    told = iter(instants(kept)[1:-1].split(b","))
    return b"[%b]" % b",".join(b"null" if row is None else next(told) for row in found.rows)


def _features(part: Part, values: Sequence[bytes | None]) -> Sequence[bytes]:
    """Give the features of each row as JSON; nulls where it is not present."""
    if not part.is_whole:
        columns = part.chosen.columns
        return [part.blank if v is None else _some(v, columns) for v in values]
    if None in values:
        return [part.blank if v is None else v for v in values]
    return values  # type: ignore[return-value]


def _some(value: bytes, columns: tuple[str, ...]) -> bytes:
    stored = orjson.loads(value)
    return orjson.dumps({name: stored.get(name) for name in columns})
