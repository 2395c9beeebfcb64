"""A decision says what is to be computed; it stays as it was decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace

import pytest

from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import KNOWN, days, events, sales, sold
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.decision import Work, decide
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.table import ensure_table
from watermain.lake.lake import Lake

KEYS = ["2013-01-01", "2013-01-02", "2013-01-03"]


@pytest.fixture
def work(lake: Lake) -> Iterator[Work]:
    """Three days of events, and a dataset that nobody has published yet."""
    job = Job(lake=lake, find=KNOWN.__getitem__)
    capture(events, job, source=Feed(changes([sold(n, 1 + n % 3, n) for n in range(9)])))
    lease = lake.fence.lease(str(sales.name))
    with lease as held, lake.get_connection() as connection:
        ensure_table(lake, connection, sales, held)
        yield Work(dataset=sales, span=days(1, 3), job=job, connection=connection, lease=held)


def test_all_that_never_stood_is_to_be_computed(work: Work) -> None:
    """Nothing stands, so what is staged is all that the table will hold."""
    found = decide(work, None)
    assert (list(found.changed), found.unchanged) == (KEYS, [])
    assert (found.is_first, found.is_unsure, found.stood, found.at) == (
        True,
        False,
        frozenset(),
        "",
    )
    assert len(set(found.wanted.values())) == 3


def test_later_transaction_reads_what_was_decided_on(work: Work) -> None:
    """The snapshot is pinned, the table may have rows by then; the decision itself stays."""
    first = decide(work, None)
    again = first.again()
    assert again.at == f" at (version => {first.snapshot})"
    assert (again.is_first, again.standing, again.stood) == (False, set(KEYS), frozenset())
    assert (again.wanted, again.changed) == (first.wanted, first.changed)
    with pytest.raises(FrozenInstanceError):
        first.at = again.at  # type: ignore[misc]
    assert (first.is_first, first.at) == (True, "")


def test_what_is_published_stands_until_it_is_to_be_rebuilt(lake: Lake) -> None:
    """The same inputs with the same code change nothing; a rebuild asks for all of it."""
    job = Job(lake=lake, find=KNOWN.__getitem__)
    capture(events, job, source=Feed(changes([sold(n, 1 + n % 3, n) for n in range(9)])))
    publish(sales, days(1, 3), job)
    with (
        lake.fence.lease(str(sales.name)) as lease,
        lake.get_connection() as connection,
    ):
        work = Work(dataset=sales, span=days(1, 3), job=job, connection=connection, lease=lease)
        found = decide(work, None)
        assert (found.changed, found.unchanged, set(found.stood)) == ((), KEYS, set(KEYS))
        anew = decide(replace(work, job=replace(job, rebuild=True)), None)
        assert list(anew.changed) == KEYS
        assert anew.wanted == found.wanted
