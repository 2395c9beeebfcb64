"""One judgement of one expected partition, appended once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from watermain.declare.name import DatasetName

State = Literal["good", "bad", "excused", "unknown"]
EVALUATOR = "evaluator"  # who signs what was judged when it was due


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was true of a partition at the moment when it was due.

    Shapes: `state` is `good` where a published version existed at `due_at`, `bad` where none did,
    `excused` where that was declared before, and `unknown` where nobody judged in time. `by` is
    the evaluator, or who signed a correction, and `why` is one sentence.
    Units: instants are UTC; `ready_at` is the commit in the lake that made the partition ready,
    None until there is one.
    Guarantees: a later arrival fills `ready_at` and leaves `state` as it was judged.
    """

    dataset: DatasetName
    partition: str
    due_at: datetime
    state: State
    judged_at: datetime
    by: str = EVALUATOR
    why: str = ""
    ready_at: datetime | None = None

    @property
    def late_by(self) -> timedelta | None:
        """How long after it was due the partition was ready; None while it is not, or was."""
        if self.ready_at is None or self.ready_at <= self.due_at:
            return None
        return self.ready_at - self.due_at

    @property
    def counts(self) -> bool:
        """Whether it is an event of the objective: excused ones and unmeasured ones are not."""
        return self.state in ("good", "bad")
