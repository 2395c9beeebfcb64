"""The version of a dataset's code."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from platform_assets.declare.dataset import Dataset


def code_version(dataset: Dataset) -> str:
    """Fingerprint everything that decides what the dataset's rows are.

    Guarantees: comments, docstrings, layout do not count; a change in a function of the platform
    or a room that the body calls does.
    """
    parts = [dataset.contract.hash, repr(dataset.all_checks), repr(dict(dataset.inputs))]
    if dataset.labels.get("sql"):
        parts.append(dataset.labels["sql"])
    elif dataset.body is not None:
        parts += [_meaning(f) for f in _reached(dataset.body, set())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


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
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
            node.decorator_list = []
    return ast.dump(tree)
