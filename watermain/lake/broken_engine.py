"""An engine that ended itself."""

from __future__ import annotations

import ctypes

import duckdb

# What the engine says as it ends; whatever is asked of it afterwards ends alike.
ENDED = (duckdb.FatalException, duckdb.InternalException)
_ABANDONED: list[duckdb.DuckDBPyConnection] = []


def abandon(connection: duckdb.DuckDBPyConnection) -> None:
    """Never close a connection whose transaction can neither commit nor roll back.

    DuckLake rolls it back as it is closed, which fails where no exception may pass: the whole
    process would end. The interpreter's own end is survived, too; hence the reference.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
    _ABANDONED.append(connection)


def close(connection: duckdb.DuckDBPyConnection) -> None:
    """Close a connection, unless it was abandoned."""
    if not any(each is connection for each in _ABANDONED):
        connection.close()
