"""What the first filling of Redis makes of the server's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pytest
import redis

from watermain.online.redis_fill import GoneMarkError, command, fill

KEYS = pa.chunked_array([[b"a", b"", b"bb\r\n"], [b"c"]])
VALUES = pa.chunked_array([[b"1", b"22"], [b"", b"\x00"]])
MARK = ("begun", b"mine")


class Answers:
    """A client of one connection, whose server says what the test says."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.sent, self.is_open, self.is_free = list(answers), b"", True, False
        self.connection_pool = self

    def get_connection(self) -> Answers:
        """Give the connection."""
        return self

    def release(self, _: Answers) -> None:
        """Take it back."""
        self.is_free = True

    def disconnect(self) -> None:
        """Close it."""
        self.is_open = False

    def send_packed_command(self, parts: Sequence[bytes | memoryview]) -> None:
        """Keep what would be sent."""
        self.sent += b"".join(parts)

    def read_response(self) -> Any:
        """Say the next answer."""
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def filled(server: Answers, each: int) -> list[bool]:
    """What a filling tells."""
    return fill(cast(redis.Redis, server), MARK, KEYS, VALUES, each)


def test_rows_go_out_as_commands_of_so_many_keys() -> None:
    """As a library would write them, whatever the bytes, however they are chunked."""
    server = Answers(b"OK", b"mine", b"OK", b"QUEUED", b"QUEUED", [1, 0])
    ask = command(b"WATCH", b"begun") + command(b"GET", b"begun") + command(b"MULTI")
    first = command(b"MSETNX", b"a", b"1", b"", b"22")
    second = command(b"MSETNX", b"bb\r\n", b"", b"c", b"\x00")
    assert filled(server, 2) == [True, False]
    assert server.sent == ask + first + second + command(b"EXEC")
    assert (server.is_open, server.is_free) == (True, True)


def test_error_within_a_transaction_is_no_row_written() -> None:
    full = redis.ResponseError("OOM command not allowed")
    server = Answers(b"OK", b"mine", b"OK", b"QUEUED", b"QUEUED", [1, full])
    with pytest.raises(redis.ResponseError, match="OOM"):
        filled(server, 2)
    assert (server.is_open, server.is_free) == (False, True)


@pytest.mark.parametrize(
    "answers",
    [(b"OK", b"another's"), (b"OK", None), (b"OK", b"mine", b"OK", b"QUEUED", None)],
)
def test_nothing_is_written_without_the_mark(answers: tuple[Any, ...]) -> None:
    """Neither when it was another's before, nor when it changed meanwhile."""
    server = Answers(*answers)
    with pytest.raises(GoneMarkError):
        filled(server, 4)
    assert (server.is_open, server.answers) == (False, [])
