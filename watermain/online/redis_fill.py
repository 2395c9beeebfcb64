"""Rows written into Redis of which none is there yet, by commands that Arrow puts together.

A client library looks at each of two million arguments; here a batch is one run of bytes from the
beginning. Each thousand rows is one MSETNX: all of them are set, or none where one was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import redis
from redis.connection import ConnectionInterface

NONE = pa.scalar(b"", pa.binary())
END = pa.scalar(b"\r\n", pa.binary())
COMMANDS_AT_ONCE = 2  # more of them in one transaction keep readers waiting


class GoneMarkError(Exception):
    """The mark has another value; nothing more was written."""


def fill(
    client: redis.Redis,
    mark: tuple[str, bytes],
    keys: pa.ChunkedArray,
    values: pa.ChunkedArray,
    each: int,
) -> list[bool]:
    """Set keys, `each` at once; tell of each group whether it was written because none was there.

    Guarantees: no row is written while the key of `mark` has another value than it says.
    Raises: GoneMarkError or redis.RedisError.
    """
    if len(keys) == 0:
        return []
    rows = pc.binary_join_element_wise(_argument(keys), _argument(values), NONE).combine_chunks()
    ends, data = (memoryview(buffer) for buffer in rows.buffers()[1:])
    ends = ends.cast("i")[rows.offset : rows.offset + len(rows) + 1]
    groups = []
    for first in range(0, len(rows), each):
        last = min(first + each, len(rows))
        head = b"*%d\r\n$6\r\nMSETNX\r\n" % (1 + 2 * (last - first))
        groups.append((head, data[ends[first] : ends[last]]))
    done: list[bool] = []
    with _connection(client) as connection:
        for at in range(0, len(groups), COMMANDS_AT_ONCE):
            done += _written(connection, mark, groups[at : at + COMMANDS_AT_ONCE])
    return done


def command(*words: bytes) -> bytes:
    """A command as the server reads it."""
    told = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), told)


def _written(
    connection: ConnectionInterface,
    mark: tuple[str, bytes],
    groups: Sequence[tuple[bytes, memoryview]],
) -> list[bool]:
    """One transaction, unless the mark is gone."""
    key, value = mark[0].encode(), mark[1]
    connection.send_packed_command([command(b"WATCH", key), command(b"GET", key)])
    connection.read_response()
    if connection.read_response() != value:
        raise GoneMarkError
    parts = [part for group in groups for part in group]
    connection.send_packed_command([command(b"MULTI"), *parts, command(b"EXEC")])
    for _ in range(len(groups) + 1):
        connection.read_response()
    done = connection.read_response()
    if done is None:
        raise GoneMarkError
    for answer in done:  # an error within a transaction is one of its answers
        if isinstance(answer, Exception):
            raise answer
    return [answer == 1 for answer in done]


@contextmanager
def _connection(client: redis.Redis) -> Iterator[ConnectionInterface]:
    """A connection of the client's pool; one that an error came over is not used again."""
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        yield connection
    except BaseException:
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


def _argument(words: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each word as one argument of a command."""
    length = pc.binary_length(words).cast(pa.string()).cast(pa.binary())
    mark = pa.scalar(b"$", pa.binary())
    return pc.binary_join_element_wise(mark, length, END, words, END, NONE)
