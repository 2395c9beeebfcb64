"""The reading of a batch while the one before it is being committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from watermain.ahead import made_ahead
from watermain.source.protocol import Batch
from watermain.source.spill import discard, handed_out


def one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Give batches in order; read the next one in a thread while the caller is busy with one.

    Guarantees: those of `made_ahead`; a batch's file is removed when the next is asked for or
    when nobody asks any more.
    """
    with closing(made_ahead(batches, discard)) as ahead:
        for batch in ahead:
            yield from handed_out(batch)
