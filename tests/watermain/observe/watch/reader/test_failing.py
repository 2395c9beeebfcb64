"""Readers that lost what they relied on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.watermain.engine.promise.promises import FEES
from tests.watermain.observe.watch.failures import GRAVITY, MILD, MINUTE, NOW, ORDERS, known
from watermain.lake.lake import Lake
from watermain.observe.watch.reader.failing import FailingWatching, broken
from watermain.record.broken_query import BrokenQueries, BrokenQuery, LostAnswer
from watermain.record.query_log import QueryLog, QueryRecord

LOST = LostAnswer(
    since=NOW - 9 * MINUTE,
    times=3,
    readers=("ann",),
    kind="BinderException",
    datasets=(str(ORDERS),),
)
BROKEN = BrokenQuery(
    at=NOW - 9 * MINUTE, who="ann", datasets=(str(ORDERS),), kind="BinderException", shape="a"
)
ASKED = QueryRecord(
    at=NOW - timedelta(days=1), who="ann", datasets=(str(ORDERS),), seconds=1, rows=1, shape="a"
)


@pytest.mark.parametrize(
    ("readers", "gravity", "severity"),
    [
        (("ann",), GRAVITY, "ticket"),
        (("ann", "ben"), GRAVITY, "page"),
        (("ann", "ben"), MILD, "ticket"),
    ],
)
def test_several_readers_of_what_was_promised_are_a_page(readers, gravity, severity) -> None:
    """One alone may have changed something of their own."""
    (found,) = broken([replace(LOST, readers=readers)], gravity)
    assert (found.dataset, found.severity, found.at, found.is_alone) == (
        *(ORDERS, severity),
        *(NOW - 9 * MINUTE, True),
    )
    assert found.told.startswith("3 questions that used to be answered failed in the last hour")
    assert found.told.endswith(f"(BinderException), of {', '.join(readers)}")


def test_question_of_several_datasets_is_told_once() -> None:
    """Of the first of them, which may not be the one that changed: the others are named."""
    (found,) = broken([replace(LOST, datasets=(str(FEES), str(ORDERS), "none"))], GRAVITY)
    assert found.dataset == FEES
    assert found.told.endswith(f"; they read `{ORDERS}`, `none`, too")


def test_only_what_was_answered_before_and_not_after_is_lost(lake: Lake) -> None:
    """A slip is none, and who is answered again lacks nothing; without logs nobody fails."""
    watching = FailingWatching(lake.dsn, known)
    assert watching.look(NOW).signals == ()
    broken_ones, log = BrokenQueries(lake.dsn), QueryLog(lake.dsn, timedelta(days=90))
    for each in (BROKEN, replace(BROKEN, shape="a slip"), replace(BROKEN, who="ben")):
        assert broken_ones.add(each) == ""
    log.add(ASKED)
    log.settle(timedelta(minutes=1))
    (found,) = watching.look(NOW).signals
    assert (found.dataset, found.severity) == (ORDERS, "page")
    assert found.told.startswith("2 questions")
    log.add(replace(ASKED, at=NOW - MINUTE))
    log.settle(timedelta(minutes=1))
    looked = watching.look(NOW)
    assert looked.signals == ()
    assert looked.is_judged("reader_errors", ORDERS)
    assert watching.look(NOW + timedelta(hours=2)).signals == ()
