"""The version of a dataset's code."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from platform_assets.declare.dataset import Dataset

_PLACE = re.compile(r" at 0x[0-9a-f]+")


def code_version(dataset: Dataset) -> str:
    """Fingerprint everything that decides what the dataset's rows are.

    Guarantees: comments, layout, the words of docstrings do not count; a change in a function of
    the platform or a room that the body calls does. Another Python may compile another fingerprint.
    """
    parts = [dataset.contract.hash, repr(dataset.all_checks), repr(dict(dataset.inputs))]
    parts += [f"{n.dataset} before {n.before}" for n in dataset.needs.values() if n.before]
    if dataset.labels.get("sql"):
        parts.append(dataset.labels["sql"])
    elif dataset.body is not None:
        parts += [_meaning(f) for f in reached(dataset.body)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def reached(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """A body with every function of the platform or a room that it calls, directly or not."""
    return _reached(function, set())


def _reached(function: Callable[..., Any], seen: set[str]) -> Iterator[Callable[..., Any]]:
    if function.__qualname__ in seen or not hasattr(function, "__code__"):
        return
    seen.add(function.__qualname__)
    yield function
    for name in function.__code__.co_names:
        called = function.__globals__.get(name)
        if inspect.isfunction(called) and called.__module__.startswith("platform_assets"):
            yield from _reached(called, seen)


def _meaning(function: Callable[..., Any]) -> str:
    defaults = (function.__defaults__, function.__kwdefaults__)
    told = _PLACE.sub("", repr(defaults))  # where an object lies differs between processes
    return f"{told}{_compiled(function.__code__, function.__doc__)}"


def _compiled(code: CodeType, docstring: str | None = None) -> str:
    """What the interpreter would do: instructions, names, constants, none of the layout."""
    constants = [c for c in code.co_consts if docstring is None or c != docstring]
    told = [_compiled(c) if isinstance(c, CodeType) else _constant(c) for c in constants]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return f"{code.co_code.hex()}{names!r}{told!r}"


def _constant(value: object) -> str:
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
