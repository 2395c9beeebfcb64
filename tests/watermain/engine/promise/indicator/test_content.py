"""What the ledger says of rows has known answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watermain.engine.promise.indicator.ledger_rows import batch, publish
from watermain.engine.promise.indicator.content import (
    captured,
    completeness,
    correctness,
    duplicate_rate,
)
from watermain.engine.promise.indicator.indicator import Ratio

COUNTS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)))


def test_completeness_of_one_partition_makes_up_for_no_other():
    """A hundred rows too many here do not mend ten too few there."""
    assert completeness([(1100, 1000), (990, 1000)]) == Ratio(1990, 2000)
    assert completeness([]).share is None


@given(COUNTS)
def test_completeness_is_a_share(counted):
    """Whatever came, at most all of what was due is there."""
    share = completeness(counted).share
    assert share is None or 0 <= share <= 1


def test_captured_counts_what_is_put_aside_as_missing():
    """Of 100 rows read 10 were repeats and 9 were put aside: 81 of 90 are there."""
    assert captured([batch(81, 100, repeated=10)]) == Ratio(81, 90)


def test_duplicate_rate_counts_repeats_of_all_that_was_read():
    """Eleven of 300."""
    found = duplicate_rate([batch(90, 100, repeated=10), batch(199, 200, repeated=1)])
    assert found == Ratio(11, 300)


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        (("{}", "{}"), Ratio(8, 8)),
        (('{"key is unique": 3}', "{}"), Ratio(5, 8)),
        (('{"key is unique": 3, "delay is low": 1}', "{}"), Ratio(4, 8)),
        (('{"key is unique": 0}',), Ratio(4, 4)),
        (('{"declared no more": 2}',), Ratio(4, 5)),
        ((), Ratio(0, 0)),
    ],
)
def test_correctness_weighs_checks(failing, expected):
    """A key weighs three, a delay one; how many rows broke a check does not matter."""
    weights = {"key is unique": 3.0, "delay is low": 1.0}
    assert correctness(map(publish, failing), weights) == expected
