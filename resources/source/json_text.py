"""The writing of JSON with every number as it came."""

from __future__ import annotations

import json


class Number(str):
    """A number, as it was written."""

    __slots__ = ()


def written(value: object) -> str:
    """Write a decoded value as compact JSON again."""
    match value:
        case Number():
            return str(value)
        case dict():
            inside = (f"{written(name)}:{written(each)}" for name, each in value.items())
            return "{" + ",".join(inside) + "}"
        case list():
            return "[" + ",".join(written(each) for each in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
