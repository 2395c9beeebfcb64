"""One batch is read while another is committed, never more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from watermain.source.ahead import one_ahead
from watermain.source.protocol import Batch


def batches(folder: Path, count: int, read: list[int], fault: int = -1) -> Iterator[Batch]:
    """Batches that each lie in a file of their own."""
    for number in range(count):
        if number == fault:
            raise ValueError(f"batch {number} cannot be read")
        path = folder / str(number)
        path.touch()
        read.append(number)
        yield Batch(shard="s", start=str(number), end=str(number + 1), rows=path)


def test_the_next_batch_is_read_while_one_is_held(tmp_path: Path) -> None:
    """No more than one, by another thread; each file lives until the next is asked for."""
    read: list[int] = []
    threads: set[int] = set()

    def noted() -> Iterator[Batch]:
        for batch in batches(tmp_path, 4, read):
            threads.add(threading.get_ident())
            yield batch

    given = one_ahead(noted())
    for number in range(4):
        batch = next(given)
        assert batch.start == str(number)
        assert sorted(int(p.name) for p in tmp_path.iterdir())[0] == number
        deadline = time.monotonic() + 120
        while len(read) < min(number + 2, 4) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(read) == min(number + 2, 4)
    assert list(given) == []
    assert list(tmp_path.iterdir()) == []
    assert read == [0, 1, 2, 3]
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_who_stops_asking_leaves_no_file(tmp_path: Path) -> None:
    read: list[int] = []
    given = one_ahead(batches(tmp_path, 4, read))
    next(given)
    given.close()
    assert list(tmp_path.iterdir()) == []
    assert read in ([0], [0, 1])


def test_a_fault_comes_after_what_was_read_before_it(tmp_path: Path) -> None:
    read: list[int] = []
    given = one_ahead(batches(tmp_path, 4, read, fault=2))
    assert [next(given).start, next(given).start] == ["0", "1"]
    with pytest.raises(ValueError, match="batch 2 cannot be read"):
        next(given)
    assert list(tmp_path.iterdir()) == []
    assert read == [0, 1]
