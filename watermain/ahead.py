"""The making of one thing while the one before it is used."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def made_ahead(items: Iterator[T], discard: Callable[[T], object] = lambda _: None) -> Generator[T]:
    """Give items in order; make the next one in a thread while the caller is busy with one.

    Guarantees: `items` runs in one thread at a time; two items are held at most; one that was made
    but never asked for is handed to `discard`.
    Raises: what `items` raises, once what was made before it has been given.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="makes-ahead") as maker:
        ahead = maker.submit(next, items, None)
        try:
            while (item := ahead.result()) is not None:
                ahead = maker.submit(next, items, None)
                yield item
        finally:
            unasked = None if ahead.exception() else ahead.result()
            if unasked is not None:
                discard(unasked)
