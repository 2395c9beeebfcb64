"""Refused access, out of the log of audits."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from tests.watermain.observe.watch.failures import MINUTE, NOW, ORDERS
from watermain.lake.lake import Lake
from watermain.observe.watch.access import PLATFORM, AccessWatching, RefusedAccess, violations

# As the log of audits declares it.
TABLE = """
create table watermain.audit (
    id uuid primary key, at timestamptz not null, kind text not null, who text not null,
    dataset text, count int not null check (count > 0), detail text not null
)
"""


@pytest.mark.parametrize(("times", "severity"), [(1, "ticket"), (4, "ticket"), (5, "page")])
def test_refusals_that_repeat_are_a_page(times: int, severity: str) -> None:
    """Nobody needs to promise that strangers are refused."""
    (found,) = violations([RefusedAccess(NOW, "unmask", "ann", str(ORDERS), times)])
    assert (found.dataset, found.severity, found.is_alone) == (ORDERS, severity, True)
    assert found.told == f"access was refused {times} times in 15 min (unmask), to ann"


def test_what_names_no_dataset_is_the_platforms() -> None:
    """A request with a key that nobody gave out, or a name that is none."""
    some = [
        RefusedAccess(NOW, "key", "x", None, 1),
        RefusedAccess(NOW, "query", "y", "drop table", 1),
    ]
    (found,) = violations(some)
    assert found.dataset == PLATFORM
    assert found.told == "access was refused 2 times in 15 min (key, query), to x, y"


def test_log_of_audits_is_read_where_there_is_one(lake: Lake) -> None:
    """Without one nothing is judged; what is older than a quarter of an hour is over."""
    watching = AccessWatching(lake.dsn)
    assert not watching.look(NOW).is_judged("access", ORDERS)
    with psycopg.connect(lake.dsn()) as connection:
        connection.execute(TABLE)
        for ago, count in ((20, 50), (14, 3), (1, 2)):
            row = (uuid4(), NOW - ago * MINUTE, "unmask", "ann", str(ORDERS), count, "")
            connection.execute("insert into watermain.audit values (%s,%s,%s,%s,%s,%s,%s)", row)
    looked = watching.look(NOW)
    assert [(each.severity, each.at) for each in looked.signals] == [("page", NOW - 14 * MINUTE)]
    later = watching.look(NOW + timedelta(hours=1))
    assert later.signals == ()
    assert later.is_judged("access", ORDERS)
