"""Questions that cost more than they used to, out of the log of questions."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest

from tests.watermain.observe.watch.failures import NOW, ORDERS, OTHER
from watermain.lake.lake import Lake
from watermain.observe.watch.ledger.cost import HOURLY
from watermain.observe.watch.reader.spending import SpendingWatching, dear
from watermain.record.query_log import DDL

HOUR = timedelta(hours=1)
USUAL = [(str(ORDERS), ago, 30.0) for ago in range(1, 9)]


@pytest.mark.parametrize(
    ("seconds", "past", "told"),
    [
        (300.0, USUAL, ["answering questions took 300 s, 10.0x the usual 30 in the last hour"]),
        (140.0, USUAL, []),  # not five times as much
        (300.0, USUAL[:5], []),  # too few hours with work to call anything usual
        (119.0, [(name, ago, 1.0) for name, ago, _ in USUAL], []),  # cheap still
    ],
)
def test_many_times_the_usual_hour_is_a_ticket(
    seconds: float, past: list[tuple[str, int, float]], told: list[str]
) -> None:
    """By the rule by which publishing is dear; a name that is no dataset's is left out."""
    rows = [(str(ORDERS), 0, seconds), *past, ("no dataset", 0, 9999.0)]
    found = list(dear(rows, HOURLY, 73, NOW))
    assert [each.told for each in found] == told
    assert {(e.dataset, e.promise, e.severity, e.is_alone) for e in found} <= {
        (ORDERS, "query_cost", "ticket", True)
    }


def _ask(dsn: str, at: datetime, seconds: float, *names: object) -> None:
    words = [at, [str(name) for name in names], seconds]
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into watermain.query (at, who, datasets, seconds, rows, shape)"
            " values (%s, 'ann', %s, %s, 1, 'a')",
            words,
        )


def test_log_of_questions_is_read_where_there_is_one(lake: Lake) -> None:
    """A question of two datasets costs each of them half; it ends when the hour has passed."""
    watching = SpendingWatching(lake.dsn)
    assert not watching.look(NOW).is_judged("query_cost", ORDERS)
    with psycopg.connect(lake.dsn()) as connection:
        connection.execute(DDL)
    for ago in range(1, 9):
        _ask(lake.dsn(), NOW - ago * HOUR - HOUR / 2, 30, ORDERS)
        _ask(lake.dsn(), NOW - ago * HOUR - HOUR / 2, 60, OTHER)
    _ask(lake.dsn(), NOW - HOUR / 4, 400, ORDERS, OTHER)
    looked = watching.look(NOW)
    assert [(each.dataset, each.told) for each in looked.signals] == [
        (ORDERS, "answering questions took 200 s, 6.7x the usual 30 in the last hour")
    ]
    assert looked.is_judged("query_cost", OTHER)
    assert watching.look(NOW + HOUR).signals == ()
