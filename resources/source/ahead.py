"""The reading of a batch while the one before it is being committed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from resources.source.protocol import Batch
from resources.source.spill import discard, handed_out


def one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Give batches in order; read the next one in a thread while the caller is busy with one.

    Guarantees: `batches` runs in one thread at a time; two batches are held at most; a batch's
    file is removed when the next is asked for, or nobody asks any more.
    Raises: what `batches` raises, once what was read before it has been given.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reads-ahead") as reader:
        ahead = reader.submit(next, batches, None)
        try:
            while (batch := ahead.result()) is not None:
                ahead = reader.submit(next, batches, None)
                yield from handed_out(batch)
        finally:
            unasked = None if ahead.exception() else ahead.result()
            if unasked is not None:
                discard(unasked)
