"""The data files of a lake verified, beside the same bytes read for nothing.

Ours is what `watermain verify` calls: files read from beginning to end, each summed, and the sums
held against those that the ledger got when the files were first seen. The peer reads the same files
in pieces of the same size with as many hands. Equal: the files, which are all in the page cache,
and the hands. Not equal, on purpose: the peer sums nothing and asks nobody.
The figure is a speed: the reading's seconds over ours are 0.5 at least, and ours over the reading's
are 2 at most.
Run it: `python -m benchmarks.verify`, with `--small` for a tenth of the rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.year import Year, year
from watermain.lake.rest.checksum import pieces
from watermain.lake.rest.inventory import Listed, inventory
from watermain.lake.rest.verification import HANDS, WHOLE, record, verify

COPIES = 100
LIMIT = 2.0
TURNS = 9


def vouched(place: Year) -> list[Listed]:
    """List the files, each of which has a sum in the ledger from now on."""
    files = inventory(place.lake)
    with place.lake.get_connection() as connection:
        found = list(verify(place.lake, connection, files))
        record(place.lake, connection, found, run_id="bench", now=datetime.now(UTC))
    return files


def verified(place: Year, files: Sequence[Listed]) -> float:
    """Seconds in which every file is found whole."""
    with place.lake.get_connection() as connection:
        began = time.monotonic()
        found = list(verify(place.lake, connection, files))
        took = time.monotonic() - began
    assert {f.state for f in found} == {WHOLE}, {f.state for f in found}
    return took


def _read(path: str) -> int:
    with open(path, "rb", buffering=0) as file:
        return sum(len(piece) for piece in pieces(file))  # type: ignore[arg-type]


def read(files: Sequence[Listed]) -> float:
    """Seconds in which every byte is read."""
    began = time.monotonic()
    with ThreadPoolExecutor(HANDS) as pool:
        count = sum(pool.map(_read, [f.path for f in files]))
    took = time.monotonic() - began
    assert count == sum(f.bytes for f in files)
    return took


def main() -> int:
    """Print the figure."""
    with year(COPIES // (10 if "--small" in sys.argv else 1)) as place:
        files = vouched(place)
        size = sum(f.bytes for f in files) / 1e6
        return measure(
            f"verification of {len(files)} files, {size:.0f} MB, beside reading them, seconds",
            lambda: verified(place, files),
            lambda: read(files),
            limit=LIMIT,
            turns=TURNS,
        ).tell()


if __name__ == "__main__":
    sys.exit(main())
