"""Texts of instants read at once, where the lake's engine would read each of them alike."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watermain.source.delivery import OddInstantsError

_DATE, _SECONDS = len("2013-01-01"), len("2013-01-01 00:00:00")
_COLONS = (13, 16)
_YEAR_ONE = -62_135_596_800_000_000


def is_instant(kind: pa.DataType) -> bool:
    """Whether texts may become this type here."""
    return kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"))


def instants(texts: pa.StringArray, kind: pa.TimestampType) -> pa.Array:
    """Read every text as an instant.

    Guarantees: each is what the text means to the lake. The two engines agree on dates, on times
    with seconds, and on offsets in hours or hours and minutes; of a column with anything else, with
    a year 0, or with offsets on some of its rows, nothing is read.
    Raises: OddInstantsError.
    """
    given = texts.drop_null() if texts.null_count else texts
    if not _are_plain(given):
        raise OddInstantsError
    found = _read(texts, kind)
    if pc.less(pc.min(found).cast(pa.int64()), _YEAR_ONE).as_py():
        raise OddInstantsError
    return found


def _read(texts: pa.StringArray, kind: pa.TimestampType) -> pa.Array:
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        if kind.tz is None:
            raise OddInstantsError from None
    try:
        return pc.assume_timezone(texts.cast(pa.timestamp(kind.unit)), kind.tz)
    except pa.ArrowInvalid:
        raise OddInstantsError from None


def _are_plain(texts: pa.StringArray) -> bool:
    """Whether each is as long as a date or has its colons where a time with seconds has them."""
    _, edges, data = texts.buffers()
    if not len(texts) or data is None:
        return not len(texts)
    offsets = np.frombuffer(edges, np.int32, len(texts) + 1, texts.offset * 4)
    begins, lengths = offsets[:-1], np.diff(offsets)
    dated = lengths == _DATE
    timed = lengths >= _SECONDS
    if not (dated | timed).all():
        return False
    letters = np.frombuffer(data, np.uint8)
    begins = begins[timed]
    return all(bool((letters[begins + at] == ord(":")).all()) for at in _COLONS)
