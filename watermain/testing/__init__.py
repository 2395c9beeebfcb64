"""What room authors test with, looked up when it is asked for.

Importing this, or the plugin that pytest loads by itself, costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watermain.testing.called import run
    from watermain.testing.feed import Feed
    from watermain.testing.given_rows import GivenRowsError, TypedRows
    from watermain.testing.judged import failing
    from watermain.testing.known import declared
    from watermain.testing.moved_clock import MovedClock
    from watermain.testing.source_kind import Kind, Ledger, thing
    from watermain.testing.strategies.rows import rows_of, tables_of
    from watermain.testing.trial import TrialLake, trial_lake

__all__ = [
    "Feed",
    "GivenRowsError",
    "Kind",
    "Ledger",
    "MovedClock",
    "TrialLake",
    "TypedRows",
    "declared",
    "failing",
    "rows_of",
    "run",
    "tables_of",
    "thing",
    "trial_lake",
]
_HOMES = {
    "Feed": "feed",
    "GivenRowsError": "given_rows",
    "Kind": "source_kind",
    "Ledger": "source_kind",
    "MovedClock": "moved_clock",
    "TypedRows": "given_rows",
    "TrialLake": "trial",
    "declared": "known",
    "failing": "judged",
    "rows_of": "strategies.rows",
    "run": "called",
    "tables_of": "strategies.rows",
    "thing": "source_kind",
    "trial_lake": "trial",
}


def __getattr__(name: str) -> Any:
    """Look a name up in the module that is its home."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
