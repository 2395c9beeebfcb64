"""The volume baseline finds what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.declare.name import DatasetName
from watermain.engine.promise.baseline import (
    LEAST_DROP,
    LENGTH,
    WEEK,
    Floats,
    K,
    Volume,
    bands,
    judge,
    lacking,
)

FLIGHTS = DatasetName.parse("operations.raw.flights")
NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
SHAPE = np.array([1.0, 1.02, 1.0, 0.98, 0.95, 0.35, 0.30])


def noisy(*, noise: float, days: int = 1, typical: float = 1e5, seed: int = 7) -> Floats:
    """Histories of a week's shape with noise in logarithms, each with the day that is judged."""
    drawn = np.random.default_rng(seed).normal(0, noise, (days, LENGTH + 1))
    return np.asarray(typical * np.tile(SHAPE, 9)[: LENGTH + 1] * np.exp(drawn))


def flat(rows: int = 1000) -> Floats:
    """Eight weeks in which each day has the same rows."""
    return np.full(LENGTH, float(rows))


def test_bands_find_drops_as_the_simulation_of_the_evidence_does():
    """With 8 % of noise a drop of 30 % is found four times in five, one of half always."""
    days = noisy(noise=0.08, days=4_000)
    low = bands(days[:, :LENGTH]).low[:, 0]
    found = {drop: float((days[:, -1] * (1 - drop) < low).mean()) for drop in (0.0, 0.2, 0.3, 0.5)}
    assert found[0.0] < 0.005
    assert 0.2 < found[0.2] < 0.4
    assert found[0.3] >= 0.8
    assert found[0.5] == 1.0


def test_bands_of_much_noise_say_how_little_they_notice():
    """With 20 % of noise nearly half may be lost unnoticed, which is what is told."""
    known = bands(noisy(noise=0.2, days=500)[:, :LENGTH])
    assert 0.4 < np.median(known.smallest_drop[:, 0]) < 0.55
    calm = bands(noisy(noise=0.01, days=500)[:, :LENGTH])
    assert np.allclose(calm.smallest_drop, LEAST_DROP, atol=0.001)


def test_bands_are_those_of_a_calculation_by_hand():
    """Four weeks up and four down by a tenth: the scale is that tenth, where all are ordinary."""
    weeks = np.repeat(np.exp([0.1, -0.1] * 4), WEEK)
    known = bands(1e6 * weeks)
    scale = 0.1 * np.sqrt(8 / 7) / np.sqrt(0.9733)
    wide = scale * np.sqrt(1 + 1 / 8)
    assert known.typical == pytest.approx([1e6] * WEEK, rel=1e-5)
    assert known.low == pytest.approx([1e6 * np.exp(-K * wide)] * WEEK, rel=1e-5)
    assert known.high == pytest.approx([1e6 * np.exp(K * wide)] * WEEK, rel=1e-5)
    assert (known.weeks == 8).all()
    assert (known.points == LENGTH).all()


@given(st.integers(0, LENGTH - 1), st.floats(0, 1e9))
def test_one_bad_day_in_the_history_teaches_almost_nothing(place, rows):
    """However wrong one unknown bad day was, what is typical of its weekday stays."""
    history = noisy(noise=0.05)[0, :LENGTH]
    spoilt = history.copy()
    spoilt[place] = rows
    before, after = bands(history), bands(spoilt)
    assert np.allclose(np.log(after.typical / before.typical), 0, atol=0.08)
    assert np.allclose(np.log(after.low / before.low), 0, atol=0.2)


@given(st.integers(0, 2**32 - 1), st.floats(1.0, 1e4))
def test_bands_scale_with_rows(seed, times):
    """A dataset that is so many times larger has bounds so many times higher."""
    history = noisy(noise=0.1, seed=seed)[0, :LENGTH] + 1000
    small, large = bands(history), bands((history + 1) * times - 1)
    assert (large.low + 1) / (small.low + 1) == pytest.approx([times] * WEEK, rel=0.01)
    assert (small.low <= small.typical * (1 - LEAST_DROP) + 1e-6).all()


def test_bands_of_many_datasets_are_those_of_each():
    """Judging datasets together changes nothing."""
    days = noisy(noise=0.1, days=20, typical=60)[:, :LENGTH]
    together = bands(days)
    for place, history in enumerate(days):
        alone = bands(history)
        for whole, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[place], one)


@pytest.mark.parametrize(
    ("rows", "state"), [(1000, "enough"), (801, "enough"), (799, "too few"), (5000, "enough")]
)
def test_judge_is_one_sided(rows, state):
    """A fifth may be missing of what never varies; more than expected is not for this promise."""
    assert judge(flat(), rows).state == state


def test_judge_tells_the_interval_and_the_points():
    """What a person reads has everything that decided."""
    assert judge(flat(), 612).told == (
        "612 rows, expected 800 to 1,036 (typical 1,000, of 8 same weekdays and 56 days);"
        " a drop of 20% is noticed"
    )
    page = Path(__file__).parents[4] / "docs/guides/indicators.md"
    assert f"    {judge(flat(), 612).told}\n" in page.read_text()


def test_judge_warms_up_below_three_same_weekdays():
    """Two same weekdays say nothing; neither do days that were excluded."""
    history = np.full(LENGTH, np.nan)
    history[-2 * WEEK :] = 1000
    found = judge(history, 1)
    assert (found.state, found.weeks) == ("warming up", 2)
    assert found.told == (
        "1 row; 2 of the same weekday are known, 3 are needed, and so nothing is said"
    )
    assert lacking(FLIGHTS, "2026-11-29", found, NOW) is None
    history[-3 * WEEK] = 1000
    assert judge(history, 1).state == "too few"
    excluded = flat()
    excluded[:: 2 * WEEK] = np.nan
    excluded[WEEK :: 2 * WEEK][:2] = np.nan
    assert judge(excluded, 1).state == "warming up"


def test_judge_handles_no_rows_apart():
    """None are unheard of, unless the weekday had none before; they spoil no other day."""
    assert judge(flat(), 0).state == "none"
    closed = flat()
    closed[::WEEK] = 0
    assert judge(closed, 0).state == "enough"
    assert judge(np.roll(closed, 1), 1000).state == "enough"
    assert bands(np.roll(closed, 1)).typical[0] == pytest.approx(1000)
    assert judge(closed, 1000).state == "warming up"
    assert judge(closed, 1000).zeros == 8


@pytest.mark.parametrize(("mean", "least"), [(24, 7), (12, 1), (3, 0)])
def test_judge_of_few_rows_expects_what_chance_allows(mean, least):
    """The bound of rows that come by chance is near Poisson's quantile of 1 in 2,000."""
    days = np.random.default_rng(7).poisson(mean, (400, LENGTH)).astype(float)
    low = bands(days).low[:, 0]
    assert least <= np.median(low) <= least + 2


def test_few_rows_that_stray_more_are_bound_less():
    """Rows that come in bursts, so that they stray twice as far, have a lower bound."""
    drawn = np.random.default_rng(7)
    chance = drawn.poisson(25, (400, LENGTH)).astype(float)
    bursts = 4.0 * drawn.poisson(25 / 4, (400, LENGTH))
    assert np.median(bands(bursts).low) < np.median(bands(chance).low) - 4


def run_of(*days: float, rows: int) -> Volume:
    """Judge a day after some strange ones."""
    history = flat()
    history[LENGTH - len(days) :] = days
    return judge(history, rows)


@pytest.mark.parametrize(
    ("days", "rows", "state", "severity"),
    [
        ((), 700, "too few", "ticket"),
        ((), 500, "too few", "page"),
        ((), 0, "none", "page"),
        ((700,), 700, "too few", "page"),
        ((700, 1000), 700, "too few", "ticket"),
        ((700, 700), 700, "new level", "ticket"),
        ((700, 700, 700), 700, "new level", None),
        ((2000, 2000), 2000, "new level", "ticket"),
        ((2000, 2000, 2000), 2000, "new level", None),
        ((2000, 700), 700, "too few", "page"),
        ((2000,), 2000, "enough", None),
        ((0, 0), 0, "none", "page"),
        ((), 1000, "enough", None),
    ],
)
def test_lacking_wakes_for_what_is_grave_but_asks_once_of_a_new_level(days, rows, state, severity):
    """A ticket, a page, one question, silence."""
    found = run_of(*days, rows=rows)
    signal = lacking(FLIGHTS, "2026-11-29", found, NOW)
    assert found.state == state
    assert (signal.severity if signal else None) == severity
    if signal:
        assert signal.told == f"2026-11-29 has {found.told}"
        assert signal.partitions == ("2026-11-29",)


def test_a_new_level_that_was_answered_is_learned_anew():
    """With the days before it left out, it warms up and is then what is expected."""
    history = np.full(LENGTH, np.nan)
    history[-3 * WEEK :] = 700
    assert judge(history, 700).state == "enough"
    assert judge(history, 500).state == "too few"
