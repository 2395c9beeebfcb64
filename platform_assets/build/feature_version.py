"""What a version of a feature table stands for, so that it cannot change unseen."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from platform_assets.build.code import reached
from platform_assets.declare.dataset import Dataset


def definition(dataset: Dataset) -> str:
    """Fingerprint what decides a feature's values: body, inputs, columns, entity, times.

    Guarantees: comments, layout, docstrings, descriptions, checks do not count; nor does the
    Python that runs it. Empty for what is no feature table, for one that is still a candidate.
    """
    feature, contract = dataset.feature, dataset.contract
    if feature is None or feature.state == "candidate" or dataset.body is None:
        return ""
    parts = [
        repr([(c.name, str(c.type), c.unit, c.nullable) for c in contract.columns]),
        repr((contract.key, contract.event_time, feature.entity, feature.known_at)),
        repr(feature.max_age),
        repr([(a, str(n), dataset.looks_back(n)) for a, n in sorted(dataset.inputs.items())]),
        *(_tree(f) for f in reached(dataset.body)),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _tree(function: Callable[..., Any]) -> str:
    """The function as written, without name, layout, comments, decorators, docstring."""
    found = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if isinstance(found, ast.FunctionDef):
        found.decorator_list, found.name = [], ""
        if ast.get_docstring(found) is not None:
            found.body = found.body[1:]
    return ast.dump(found)
