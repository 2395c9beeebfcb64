"""What a worker is asked to do, what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Order:
    """Verbs to do one after another in one process.

    `failpoint` is switched on for the verb `at` alone; `defect` names a planted mistake; `given`
    are arguments of the verbs; `small` is a folder to put on a disk of `small_bytes` first.
    """

    environment: Mapping[str, str]
    verbs: tuple[str, ...]
    failpoint: str | None = None
    at: str = ""
    defect: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    small: str | None = None
    small_bytes: int = 0


@dataclass(frozen=True)
class Reply:
    """What each verb gave, or the declared error that stopped the worker.

    Units: `seconds` of wall time of each verb.
    """

    results: dict[str, Any]
    error: str | None = None
    message: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
