"""What is measured of time has known answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watermain.engine.promise.indicator.ledger_rows import HOUR, MINUTE, NOW, batch, judged
from watermain.engine.promise.burn import BurnObjective, Slices, burning
from watermain.engine.promise.indicator.indicator import Ratio
from watermain.engine.promise.indicator.promptness import fresh_minutes, lag, on_time, repair_time

DAY = timedelta(days=1)
ALWAYS = [(NOW - 30 * DAY, NOW + DAY)]


def test_on_time_leaves_out_what_is_excused_or_unknown():
    """Two of three were good."""
    states = ("good", "bad", "excused", "unknown", "good")
    found = on_time(judged(state, NOW) for state in states)
    assert found == Ratio(2, 3)
    assert found.share == pytest.approx(2 / 3)
    assert on_time([]).share is None


@pytest.mark.parametrize(
    ("ago", "ready", "window", "bad"),
    [
        (9 * MINUTE, None, HOUR, 9),
        (9 * MINUTE, 4 * MINUTE, HOUR, 4),
        (2 * HOUR, None, HOUR, 60),
        (2 * HOUR, 90 * MINUTE, HOUR, 30),
        (2 * HOUR, 90 * MINUTE, 6 * HOUR, 90),
        (90 * timedelta(seconds=1), None, HOUR, 1),
        (MINUTE, 30 * timedelta(seconds=1), HOUR, 1),
        (MINUTE, timedelta(0), HOUR, 0),
    ],
)
def test_fresh_minutes_count_while_the_newest_due_is_missing(ago, ready, window, bad):
    """From when it was due until it was ready, or until now."""
    counted = fresh_minutes([judged("bad", NOW - ago, ready)], ALWAYS, NOW)
    assert counted(window) == Slices(scheduled=window // MINUTE, bad=bad)


def test_fresh_minutes_end_when_the_next_is_due():
    """What never came is bad until the next partition, which is the newest from then on."""
    verdicts = [judged("bad", NOW - 3 * HOUR), judged("good", NOW - HOUR)]
    assert fresh_minutes(verdicts, ALWAYS, NOW)(6 * HOUR) == Slices(scheduled=360, bad=120)
    excused = [judged("bad", NOW - 3 * HOUR), judged("excused", NOW - HOUR)]
    assert fresh_minutes(excused, ALWAYS, NOW)(6 * HOUR) == Slices(scheduled=360, bad=180)


def test_fresh_minutes_are_those_of_promised_hours():
    """At night nobody waits: five of the six hours were promised, and one bad hour was in them."""
    promised = [(NOW - 10 * HOUR, NOW - 3 * HOUR), (NOW - 2 * HOUR, NOW + HOUR)]
    verdicts = [judged("bad", NOW - 4 * HOUR, 2 * HOUR)]
    assert fresh_minutes(verdicts, promised, NOW)(6 * HOUR) == Slices(scheduled=300, bad=60)


def test_fresh_minutes_that_nobody_measured_are_neither():
    """While the evaluator was away nothing is known, and half a window is too little."""
    verdicts = [judged("unknown", NOW - 3 * HOUR), judged("good", NOW - HOUR)]
    found = fresh_minutes(verdicts, ALWAYS, NOW)(4 * HOUR)
    assert found == Slices(scheduled=240, bad=0, unmeasured=120)
    assert found.kept(0.99) == "not measured"


def test_fresh_minutes_page_at_the_ninth():
    """The whole way from verdicts to a page at 99 %."""
    objective = BurnObjective(
        dataset=judged("bad", NOW).dataset, promise="fresh_minutes", target=0.99
    )
    late = [judged("bad", NOW)]
    ninth, eighth = NOW + 9 * MINUTE, NOW + 8 * MINUTE
    assert burning(objective, fresh_minutes(late, ALWAYS, eighth), eighth) is None
    found = burning(objective, fresh_minutes(late, ALWAYS, ninth), ninth)
    assert found is not None
    assert found.severity == "page"


@given(
    st.lists(st.tuples(st.integers(1, 500), st.none() | st.integers(0, 800)), max_size=12),
    st.integers(1, 5000),
)
def test_fresh_minutes_agree_with_a_look_at_each_minute(gaps, window):
    """Counting spans is counting minutes one by one."""
    verdicts, due = [], NOW
    for gap, ready in reversed(gaps):
        due -= gap * MINUTE
        late = None if ready is None else ready * MINUTE
        verdicts.insert(0, judged("good" if ready == 0 else "bad", due, late))
    expected = 0
    for ago in range(1, window + 1):
        minute = NOW - ago * MINUTE
        newest = [each for each in verdicts if each.due_at <= minute][-1:]
        expected += any(v.ready_at is None or v.ready_at > minute for v in newest)
    assert fresh_minutes(verdicts, ALWAYS, NOW)(window * MINUTE).bad == expected


def test_lag_is_that_of_the_slowest_stream():
    """One stream has reached five minutes ago, the other an hour ago with its newest batch."""
    batches = [
        batch(1, 1, watermark_at=NOW - 5 * MINUTE),
        batch(1, 1, stream="weather.raw.reports", watermark_at=NOW - 2 * HOUR),
        batch(1, 1, stream="weather.raw.reports", watermark_at=NOW - HOUR),
        batch(1, 1, stream="operations.raw.planes"),
    ]
    assert lag(batches, NOW) == HOUR
    assert lag(batches[:1], NOW - HOUR) == timedelta(0)
    assert lag(batches[3:], NOW) is None


def test_repair_time_is_the_mean_of_what_was_mended():
    """Ten and thirty minutes after the verdict; what is missing still is not counted."""
    verdicts = [
        judged("bad", NOW, 11 * MINUTE),
        judged("bad", NOW, 31 * MINUTE),
        judged("bad", NOW),
        judged("good", NOW, timedelta(0)),
    ]
    assert repair_time(verdicts) == 20 * MINUTE
    assert repair_time(verdicts[2:]) is None
