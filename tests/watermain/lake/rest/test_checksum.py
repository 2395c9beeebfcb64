"""The checksum of a file is a standard one, which sees every small damage."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from watermain.lake.rest.checksum import CHUNK_BYTES, Checksum, checksum, checksum_of

KEY, NONCE = b"watermain at rest"[:16], bytes(12)


def by_the_standard(content: bytes) -> Checksum:
    """The tag that AES-GCM gives to nothing at all, authenticated with the content."""
    return Checksum(len(content), f"gmac:{AESGCM(KEY).encrypt(NONCE, b'', content).hex()}")


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 600, CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_checksum_is_the_standard_one_however_long_the_file(tmp_path: Path, size: int) -> None:
    """Another implementation of the same standard gives the same."""
    content = random.Random(size).randbytes(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert checksum_of(str(path)) == by_the_standard(content)


def test_pieces_do_not_matter() -> None:
    """A store gives other pieces than a disk."""
    content = random.Random(4).randbytes(1000)
    cuts = [content[:1], content[1:333], b"", content[333:]]
    assert checksum(cuts) == checksum([content]) == by_the_standard(content)


def test_every_single_bit_counts() -> None:
    """All 9,600 of a file's bits: no two of the files with one flipped have the same sum."""
    content = random.Random(6).randbytes(1200)
    sums = {checksum([content]).text}
    for bit in range(len(content) * 8):
        turned = bytearray(content)
        turned[bit // 8] ^= 1 << (bit % 8)
        sums.add(checksum([turned]).text)
    assert len(sums) == 9601


def test_order_and_length_count() -> None:
    """Two blocks that changed places, zeros behind the end, an end that is gone."""
    left, right = random.Random(7).randbytes(4096), random.Random(8).randbytes(4096)
    whole = checksum([left, right])
    assert checksum([right, left]) != whole
    assert checksum([left, right, bytes(16)]).text != whole.text
    assert checksum([left, right[:-1]]).text != whole.text
    assert checksum([bytes(32)]).text != checksum([bytes(48)]).text


def test_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        checksum_of(str(tmp_path / "none"))
