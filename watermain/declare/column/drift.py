"""What a captured dataset does about columns that its contract does not know."""

from __future__ import annotations

from typing import Literal, get_args

Drift = Literal["divert", "evolve", "freeze"]
DRIFTS: tuple[str, ...] = get_args(Drift)
EXTRA = "_extra"
