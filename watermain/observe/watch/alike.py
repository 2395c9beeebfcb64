"""Captures that met the same trouble, which has one cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from watermain.declare.errors import quoted
from watermain.declare.name import DatasetName
from watermain.trouble import Trouble


def alike(troubles: Iterable[Trouble]) -> Iterator[tuple[Trouble, list[DatasetName]]]:
    """The first of those that met the same, with the datasets of the others."""
    found = defaultdict[tuple[str, str], list[Trouble]](list)
    for each in troubles:
        found[each.kind, each.what].append(each)
    for some in found.values():
        first, *others = sorted(some, key=lambda each: (each.since, each.dataset))
        yield first, [DatasetName.parse(each.dataset) for each in others]


def so_do(others: Collection[DatasetName]) -> str:
    """The words that name the others, empty for none."""
    verb = "does" if len(others) == 1 else "do"
    return f"; so {verb} {quoted(map(str, others))}" if others else ""
