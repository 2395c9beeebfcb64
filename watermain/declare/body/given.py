"""What a body is given: its inputs one by one, or all of them in one value."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

Names = Mapping[str, Any]


class Taken(NamedTuple):
    """A table that a body takes: its annotation, and the names that this may be written with."""

    annotation: Any
    names: Names


def taken(body: Callable[..., Any]) -> dict[str, Taken]:
    """Every table that a body takes by its name, which an input bears too.

    Guarantees: nothing is imported, and nothing is evaluated but names of the body's own module.
    """
    kind = bundle(body)
    if kind is not None:
        around: Names = vars(sys.modules[kind.__module__])
        return {name: Taken(word, around) for name, word in _fields(kind).items()}
    names = _names(body)
    found = inspect.signature(body).parameters
    return {name: Taken(p.annotation, names) for name, p in found.items()}


def bundle(body: Callable[..., Any]) -> type[Any] | None:
    """The dataclass or named tuple that a body takes all of its inputs in; None without one."""
    found = list(inspect.signature(body).parameters.values())
    if len(found) != 1:
        return None
    kind = named(found[0].annotation, _names(body))
    return kind if isinstance(kind, type) and _is_bundle(kind) else None


def named(annotation: Any, names: Names) -> Any:
    """What an annotation stands for; None where it is a text that these names do not explain."""
    if not isinstance(annotation, str):
        return annotation
    head, *rest = annotation.strip("'\" ").split(".")
    return reduce(lambda held, part: getattr(held, part, None), rest, names.get(head))


def _names(body: Callable[..., Any]) -> Names:
    function = inspect.unwrap(body)
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    around = zip(getattr(code, "co_freevars", ()), cells, strict=False)
    return {**getattr(function, "__globals__", {}), **{n: c.cell_contents for n, c in around}}


def _is_bundle(kind: type[Any]) -> bool:
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _fields(kind: type[Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(kind):
        return {field.name: field.type for field in dataclasses.fields(kind) if field.init}
    said = inspect.get_annotations(kind)
    words = {name: said.get(name, inspect.Parameter.empty) for name in getattr(kind, "_fields", ())}
    return {name: getattr(word, "__forward_arg__", word) for name, word in words.items()}
