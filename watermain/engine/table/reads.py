"""Which partitions of its inputs a partition is made of, asked from either side."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.partition import Span, beginning, overlapping, touched

Versions = Mapping[DatasetName, Mapping[str, str]]
Inputs = Mapping[DatasetName, Dataset]
NOTHING = ("1", "0")


def needed(reader: Dataset, other: Dataset, key: str) -> tuple[str, str] | None:
    """The first and the last partition of an input that a partition reads; None for all of it.

    Guarantees: where it reads none, since the input begins later, the first is behind the last.
    """
    if reader.cadence is None or other.cadence is None or not key:
        return None
    back = reader.looks_back(other.name)
    if other.cadence == reader.cadence and not back:
        return key, key
    return _ends(reader.cadence, other.cadence, beginning(other.cadence), back, key)


@lru_cache(maxsize=100_000)
def _ends(
    reader: Cadence, other: Cadence, begin: datetime, back: timedelta, key: str
) -> tuple[str, str]:
    if reader.window(key).end <= begin:
        return NOTHING
    return overlapping(Span(reader, key, key), other, back)


def needed_keys(
    reader: Dataset, other: Dataset, key: str, known: Mapping[str, object]
) -> Sequence[str]:
    """The partitions of an input that a partition reads; of an unpartitioned reader all known."""
    ends = needed(reader, other, key)
    if ends is None or other.cadence is None:
        return sorted(known)
    return () if ends == NOTHING else _keys(other.cadence, *ends)


@lru_cache(maxsize=10_000)
def _keys(cadence: Cadence, first: str, last: str) -> tuple[str, ...]:
    return (first,) if first == last else tuple(cadence.keys(first, last))


def touching(reader: Dataset, other: Dataset, key: str) -> list[str] | None:
    """The partitions of a reader that a partition of its input takes part in; None for all."""
    if reader.cadence is None:
        return [""]
    if other.cadence is None:
        return None
    return touched(reader.cadence, other.cadence, key, reader.looks_back(other.name))


def version(
    reader: Dataset,
    key: str,
    code: str,
    versions: Versions,
    inputs: Inputs,
    *,
    snapshot: int,
) -> str:
    """The version that some code makes of a partition, from inputs as they stand.

    Guarantees: what the platform itself writes is another at each snapshot.
    """
    parts = [code]
    for name, known in sorted(versions.items()):
        other = inputs[name]
        if other.is_platforms:
            parts.append(f"{name}@{snapshot}")
        else:
            keys = needed_keys(reader, other, key, known)
            parts += [f"{name}/{k}={known.get(k)}" for k in keys]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def grown(version: str, snapshot: int) -> str:
    """The version of rows that follow from those before them: another one at each publish."""
    return f"{version}.{snapshot}"


def plain(version: str) -> str:
    """What code and inputs make of a version, whatever its rows were made from before."""
    return version.partition(".")[0]
