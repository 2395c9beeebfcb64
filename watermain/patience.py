"""An end to waiting for a database that took a question but never answers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def answered_within(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection when the block lasts longer, so that whoever waits meets an error.

    A server that hangs keeps neither its own time limits nor its promise to answer.
    """
    timer = threading.Timer(seconds, _cut, (connection.pgconn.socket,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as ours:
        try:
            ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already
