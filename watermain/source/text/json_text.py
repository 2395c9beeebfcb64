"""The writing of JSON with every number as it came."""

from __future__ import annotations

import json


class Number(str):
    """A number, as it was written."""

    __slots__ = ()


class Deep(Number):
    """What lies deeper than may be, as it was written."""

    __slots__ = ()


class Doubled(dict[str, object]):
    """An object that names something twice; it looks like its last values, and `pairs` has all."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs
        super().__init__(pairs)

    def count(self, name: str) -> int:
        """Say how often something is named."""
        return sum(each == name for each, _ in self.pairs)


def single(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its pairs, whichever kind it takes."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(pairs)


def written(value: object) -> str:
    """Write a decoded value as compact JSON again."""
    match value:
        case Number():
            return str(value)
        case dict():
            pairs = value.pairs if isinstance(value, Doubled) else value.items()
            inside = (f"{written(name)}:{written(each)}" for name, each in pairs)
            return "{" + ",".join(inside) + "}"
        case list():
            return "[" + ",".join(written(each) for each in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
