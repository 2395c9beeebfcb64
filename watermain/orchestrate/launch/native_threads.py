"""Threads of native libraries that would not survive a fork."""

from __future__ import annotations

import sys


def end_native_threads() -> None:
    """End the threads that a library started as it was imported, before this process forks.

    `import duckdb` opens a default database whose worker thread exists in the parent only: a child
    that believes in it aborts when it exits. Closed here, it opens anew where it is used. OpenBLAS
    and jemalloc restart their threads themselves.
    """
    duckdb = sys.modules.get("duckdb")
    if duckdb is not None:
        duckdb.close()
