"""What says that a promise is broken or about to be, before anybody is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from watermain.declare.name import DatasetName

Severity = Literal["page", "ticket"]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One promise of one dataset that a rule has found wanting.

    Shapes: `promise` names the indicator (`on_time`, `fresh_minutes`, `completeness`, ...), `rule`
    the rule that fired in words (`burn 14.4x over 1 h and 5 m`), `partitions` what is concerned,
    oldest first, and `told` is what a person reads in one sentence. `words` is the promise in
    words, `due_at` when the newest of the partitions was due, and `left` how many may still be
    missed, below zero where too many were; each is empty where nobody has looked. With `is_alone`
    nothing upstream can be its cause, nor explains it anything else that is wrong.
    """

    dataset: DatasetName
    promise: str
    severity: Severity
    rule: str
    told: str
    at: datetime
    partitions: tuple[str, ...] = ()
    words: str = ""
    due_at: datetime | None = None
    left: int | None = None
    is_alone: bool = False
