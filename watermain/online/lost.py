"""The error of a store that is not as its writer left it."""

from __future__ import annotations

from watermain.declare.errors import LostRowsError


def lost(table: str) -> LostRowsError:
    """The error for a table that was flushed, restarted or begun by another while it was filled."""
    return LostRowsError(
        f"{table}: the online store lost rows while it was filled, or another writer began",
        declared="WATERMAIN_ONLINE_STORE",
        data="its cursor has not moved; what readers find is never newer than the lake",
        next="do the same again: what is missing is written anew",
    )
