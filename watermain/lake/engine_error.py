"""What the engine says, as an error that says what to do."""

from __future__ import annotations

import duckdb

from watermain.declare.errors import (
    BrokenEngineError,
    DiskFullError,
    LostLeaseError,
    UnreachableSystemError,
    WatermainError,
)
from watermain.lake import store
from watermain.lake.broken_engine import ENDED
from watermain.lake.catalog import unreachable

# What the engine says when the catalog's server ended the connection, or ended itself.
GONE = (
    "server closed the connection",
    "terminating connection",
    "connection to server",
    "no connection to the server",
    "the database system is",
    'Failed to execute query "ROLLBACK"',
    "Unable to connect to Postgres",
    "due to lock timeout",
)
NO_LEDGER = 'schema "upkeep_raw" does not exist'
UNKNOWN = "as before, or published whole: the ledger knows; running again publishes nothing twice"


def harmless(error: BaseException) -> BaseException | None:
    """The cause to show beside an error of ours: none where its words hold the address."""
    return None if "Postgres at" in str(error) else error


def translate(error: BaseException, dataset: str) -> BaseException:
    """Turn an engine's error into one that says what to do, where we know."""
    if isinstance(error, WatermainError):
        return error
    return (
        _lost_lease(error, dataset)
        or _empty(error)
        or store.failure(error)
        or _ended(error, dataset)
        or error
    )


def _empty(error: BaseException) -> WatermainError | None:
    """The error for a lake that nobody has brought up: it has no ledger."""
    is_missing = isinstance(error, duckdb.CatalogException) and NO_LEDGER in str(error)
    if not is_missing:
        return None
    return UnreachableSystemError(
        "the lake is empty: nobody has brought it up",
        declared="WATERMAIN_DATA_DIR or WATERMAIN_POSTGRES",
        data="there is none",
        next="watermain up",
    )


def _lost_lease(error: BaseException, dataset: str) -> WatermainError | None:
    message = str(error)
    # A schema that two first publishes made at once is no lost lease: see build/table.py.
    overtaken = "Transaction conflict" in message and "create schema" not in message
    if "watermain lost lease" not in message and not overtaken:
        return None
    return LostLeaseError(
        f"{dataset}: the lease moved to another writer",
        declared="watermain/lake/fence.py",
        data="not published; readers see the other writer's snapshot",
        next=f"watermain explain {dataset}",
    )


def _ended(error: BaseException, dataset: str) -> WatermainError | None:
    """The error for a full disk, a catalog that is gone or an engine that ended itself."""
    message = str(error)
    if "No space left on device" in message:
        return DiskFullError.not_published(
            f"{dataset}: no space left on the device that holds the lake",
            declared="WATERMAIN_DATA_DIR or WATERMAIN_LAKE_PATH",
            next="free some space; then run it again",
        )
    if isinstance(error, duckdb.Error) and any(sign in message for sign in GONE):
        return unreachable(error, data=UNKNOWN)
    if isinstance(error, ENDED):
        return BrokenEngineError(
            f"{dataset}: the engine ended itself: {message.splitlines()[0][:300]}",
            declared="watermain/lake/lake.py, DuckDB with DuckLake",
            data=UNKNOWN,
            next="run it again, with an engine that is opened anew",
        )
    return None
