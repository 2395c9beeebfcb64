"""What is written in one turn of the loop goes out at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from watermain.serve.feature_server.whole_writes import WholeWrites


class Wire(asyncio.Transport):
    """A transport that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.told: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("closed")

    def abort(self) -> None:
        self.told.append("aborted")


def told(say: Callable[[WholeWrites], object]) -> list[bytes | str]:
    """What reaches the wire in the turn, after it."""

    async def whole() -> list[bytes | str]:
        wire = Wire()
        say(WholeWrites(wire))
        wire.told.append("turn")
        await asyncio.sleep(0)
        return wire.told

    return asyncio.run(whole())


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        (lambda whole: (whole.write(b"head"), whole.write(b"body")), ["turn", b"headbody"]),
        (lambda whole: whole.write(b"head"), ["turn", b"head"]),
        (lambda whole: (whole.write(b"head"), whole.close()), [b"head", "closed", "turn"]),
        (lambda whole: whole.close(), ["closed", "turn"]),
        (lambda whole: (whole.flush(), whole.flush()), ["turn"]),
        (lambda whole: whole.abort(), ["aborted", "turn"]),
    ],
)
def test_writes_are_gathered(
    say: Callable[[WholeWrites], object], expected: list[bytes | str]
) -> None:
    """The head goes with its body; closing holds nothing back."""
    assert told(say) == expected


def test_turns_are_apart() -> None:
    """What is written in the next turn goes out after it."""

    async def whole() -> list[bytes | str]:
        wire = Wire()
        writes = WholeWrites(wire)
        for data in (b"one", b"two"):
            writes.write(data)
            await asyncio.sleep(0)
        return wire.told

    assert asyncio.run(whole()) == [b"one", b"two"]


def test_the_rest_is_the_transports_own() -> None:
    """Addresses, flow control are those of the connection."""

    async def whole() -> object:
        return WholeWrites(Wire()).get_extra_info("peername")

    assert asyncio.run(whole()) == ("127.0.0.1", 1)
