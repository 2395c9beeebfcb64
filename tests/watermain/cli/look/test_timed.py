"""How long a question took is written down after its answer."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pyarrow as pa
import pytest

from watermain import read
from watermain.clock import EPOCH
from watermain.engine.rooms import watched
from watermain.lake.lake import Lake
from watermain.record.brief import person
from watermain.record.query_log import QueryLog, QueryRecord
from watermain.settings import load_settings


def written() -> list[QueryRecord]:
    """What the log has."""
    log: QueryLog = watched._queries(os.getpid(), load_settings())
    log.settle(timedelta(seconds=60))
    return log.since(EPOCH)


def test_query_is_written_down_with_what_it_took(lake: Lake) -> None:
    """Who, how many rows, how long; two questions that differ in a value have one shape."""
    read.query("select 'ann@example.org' as mail, * from range(3)")
    read.query("select 'bob@example.org' as mail, * from range(4)")
    read.query("select 1 as one")
    first, second, other = written()
    assert [each.rows for each in (first, second, other)] == [3, 4, 1]
    assert first.who == person()
    assert first.shape == second.shape != other.shape
    assert 0 < first.seconds < 600


def test_query_is_timed_without_its_reader(lake: Lake) -> None:
    """What a reader does between the rows is no time of the question."""
    began, slept, rows = time.monotonic(), 0.0, 0
    with read.reading("select * from range(300000)") as answer:
        for portion in answer.batches:
            rows += portion.num_rows
            paused = time.monotonic()
            time.sleep(0.2)
            slept += time.monotonic() - paused
    whole = time.monotonic() - began
    (told,) = written()
    assert (rows, told.rows) == (300_000, 300_000)
    assert 0 < told.seconds <= whole - slept


def test_query_that_fails_has_no_latency(lake: Lake) -> None:
    """What was refused or broke took no time that says anything."""
    with pytest.raises(read.RefusedQueryError):
        read.query("select no_such_column from range(3)")
    assert written() == []
    assert isinstance(read.query("select 1 as one").rows, pa.Table)
    assert len(written()) == 1
