"""The checksum of a data file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

WORD = "gmac"
CHUNK_BYTES = 2**18  # what is read stays in the processor's cache until it is summed
_KEY, _NONCE = b"watermain at rest"[:16], bytes(12)


@dataclass(frozen=True)
class Checksum:
    """The length of a file and the sum of its bytes; `text` names how that was made.

    Guarantees: a change within 16 bytes always changes the sum; so does any other, but for one in
    2^128. The key is public: the sum tells damage, not the work of somebody who may write the
    ledger.
    Source: GMAC, NIST SP 800-38D; three times as fast as SHA-256 where both have the hardware.
    """

    bytes: int
    text: str


def checksum(chunks: Iterable[bytes | memoryview]) -> Checksum:
    """Sum the bytes of a file that comes in pieces."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # slow to import

    sealed: Any = Cipher(algorithms.AES(_KEY), modes.GCM(_NONCE)).encryptor()
    size = 0
    for chunk in chunks:
        sealed.authenticate_additional_data(chunk)
        size += len(chunk)
    sealed.finalize()
    return Checksum(size, f"{WORD}:{sealed.tag.hex()}")


def pieces(file: BinaryIO) -> Iterator[memoryview]:
    """What an unbuffered file holds, each piece good until the next is asked for."""
    held = memoryview(bytearray(CHUNK_BYTES))
    while size := file.readinto(held):  # type: ignore[attr-defined]
        yield held[:size]


def checksum_of(path: str) -> Checksum:
    """The checksum of a local file."""
    with open(path, "rb", buffering=0) as file:
        return checksum(pieces(file))  # type: ignore[arg-type]
