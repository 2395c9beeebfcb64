"""Data reliability engineering as code, on Dagster.

The words of `watermain.declare` are here too: `from watermain import dataset, Contract, Column`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watermain.declare import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Look a word up when it is asked for, so that importing the package costs nothing."""
    words = import_module("watermain.declare")
    if name in words.__all__:
        return getattr(words, name)
    raise AttributeError(f"module `watermain` has no attribute `{name}`")
