"""How many rows a day should bring, learned from the same weekdays before it.

Days are compared in logarithms, y = log(1 + rows). Of each weekday eight days are known, and their
median says what is typical; how far days stray is one robust scale over all weekdays, 1.4826 times
the median absolute residual, since eight days alone would tell little. Days within three scales of
their median are ordinary, and once more the mean and the scale are taken of those alone, which
tell more than medians do. The bound is one-sided: `K` scales below, widened by sqrt(1 + 1 / m) for
what m days do not know, but at least 20 % below. Few rows are bound by the negative binomial
quantile, which is almost Poisson's where days stray no more than chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal

WEEKS, WEEK = 8, 7
LENGTH = WEEKS * WEEK
LEAST_WEEKS = 3  # of the weekday that is judged; below that it is warming up
K = 3.3
CHANCE = 4.83e-4  # of a normal value to be more than K scales below
LEAST_DROP = 0.2
GRAVE_DROP = 0.5
LEAST_SCALE = 0.01
FEW_ROWS = 30
SHIFT = 3  # days in a row, all below or all above
_MAD_TO_SCALE = 1.4826
_ORDINARY = 3  # scales from the median
_OF_ORDINARY = 0.9733  # the variance of a normal value that is as near
_MOST_COUNTED = 128  # rows up to which a quantile of few rows is looked for

Floats = NDArray[np.float64]
VolumeState = Literal["enough", "too few", "none", "new level", "warming up"]


class Bands(NamedTuple):
    """What is expected of each of the coming seven days, for each dataset.

    Shapes: the last axis is the day: 0 is the day after the history, 6 the sixth after that and
    so of the weekday of the history's last day. NaN is where a weekday is warming up.
    Units: rows; `weeks` counts the days of that weekday, `points` all days behind the scale, and
    `zeros` the days of that weekday without a row.
    """

    low: Floats
    typical: Floats
    high: Floats
    weeks: NDArray[np.int64]
    points: NDArray[np.int64]
    zeros: NDArray[np.int64]

    @property
    def smallest_drop(self) -> Floats:
        """The smallest loss that would be noticed, as a share of what is typical."""
        known = np.where(self.typical > 0, self.typical, np.nan)
        return 1 - np.ceil(self.low - 1e-9) / known


def bands(history: Floats) -> Bands:
    """Learn what is expected after a history of rows by day.

    Shapes: the last axis has the `LENGTH` days before the one that is judged, oldest first, NaN
    for a day that teaches nothing: it is not there, known to be bad, excused, filled in later, a
    holiday. Other axes are datasets.
    Guarantees: days without a row teach nothing about days with rows.
    """
    weekly = history.reshape(*history.shape[:-1], WEEKS, WEEK)
    zeros = (weekly == 0).sum(axis=-2)
    rows = np.where(weekly == 0, np.nan, weekly)
    weeks = np.isfinite(rows).sum(axis=-2)
    middle, scale = _in_logarithms(np.log1p(rows), weeks)
    wide = scale * np.sqrt(1 + 1 / np.maximum(weeks, 1))
    low, high = np.expm1(middle - K * wide), np.expm1(middle + K * wide)
    middle = np.expm1(middle)
    is_few = middle < FEW_ROWS
    if is_few.any():
        few_low, few_high = _of_few_rows(rows, middle, weeks)
        low, high = np.where(is_few, few_low, low), np.where(is_few, few_high, high)
    low = np.minimum(low, middle * (1 - LEAST_DROP))
    is_known = weeks >= LEAST_WEEKS
    low, middle, high = (np.where(is_known, each, np.nan) for each in (low, middle, high))
    points = np.broadcast_to(weeks.sum(axis=-1, keepdims=True), weeks.shape)
    return Bands(low, middle, high, weeks, points, zeros)


def _in_logarithms(y: Floats, weeks: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """What is typical of each weekday, then how far days of all weekdays stray from it."""
    middle = _median(y)
    seen = np.maximum(weeks, 2)
    # Few days lie nearer to their own middle than to that of what they are drawn from.
    strayed = np.abs(y - middle[..., None, :]) * np.sqrt(seen / (seen - 1))[..., None, :]
    flat = np.where(weeks[..., None, :] > 1, strayed, np.nan).reshape(*y.shape[:-2], LENGTH, 1)
    scale = np.fmax(_median(flat) * _MAD_TO_SCALE, LEAST_SCALE)
    scale = np.sqrt(_mean(flat**2, flat <= _ORDINARY * scale[..., None]) / _OF_ORDINARY)
    scale = np.fmax(scale, LEAST_SCALE)
    return _mean(y, strayed <= _ORDINARY * scale[..., None]), scale


def _mean(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """The mean of some values along the last axis but one; NaN of none."""
    count = where.sum(axis=-2)
    total = np.where(where, values, 0).sum(axis=-2)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _median(values: Floats) -> Floats:
    """The median along the last axis but one, without NaN; NaN where there is nothing else."""
    ordered = np.sort(values, axis=-2)  # NaN last
    count = np.isfinite(ordered).sum(axis=-2, keepdims=True)
    below, above = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[-2] - 1)
    both = (np.take_along_axis(ordered, place, axis=-2) for place in (below, above))
    return np.asarray((next(both) + next(both)).squeeze(-2) / 2)


def _of_few_rows(rows: Floats, middle: Floats, weeks: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The quantiles of few rows, by their dispersion over all weekdays."""
    expected = np.where(middle > 0, middle, np.nan)
    squares = (rows - expected[..., None, :]) ** 2 / expected[..., None, :]
    free = np.maximum((weeks - 1).clip(0).sum(axis=-1, keepdims=True), 1)
    dispersion = np.nansum(squares, axis=(-2, -1))[..., None] / free
    wide = np.maximum(dispersion, 1.0) * (1 + 1 / np.maximum(weeks, 1))
    mean = np.where(middle < FEW_ROWS, expected, np.nan)
    size = mean / (wide - 1)
    counts = np.arange(_MOST_COUNTED)
    grown = (counts[:-1] + size[..., None]) / (counts[1:]) * (1 - 1 / wide[..., None])
    chance = np.exp(-size * np.log(wide))[..., None]
    chances = np.concatenate([chance, chance * np.cumprod(grown, axis=-1)], axis=-1)
    below = np.cumsum(chances, axis=-1)
    return (
        (below < CHANCE).sum(axis=-1).astype(float),
        (below < 1 - CHANCE).sum(axis=-1).astype(float),
    )


@dataclass(frozen=True, kw_only=True)
class Volume:
    """How the rows of a day compare with what was expected of it.

    Shapes: `state` is `enough`, `too few`, `none` where a day without rows is unheard of,
    `new level` when days have been on one side three times, so that somebody should say whether
    that is the normal from now on, or `warming up` while nothing can be said.
    Units: `low`, `typical` and `high` are rows, `smallest_drop` a share; NaN while warming up.
    `weeks` and `points` are the days behind the median and behind the scale, and `run` counts the
    days up to this one that were all below or all above.
    """

    state: VolumeState
    rows: int
    low: float
    typical: float
    high: float
    weeks: int
    points: int
    zeros: int
    run: int

    @property
    def drop(self) -> float:
        """The share of what is typical that is missing; below 0 where there is more."""
        return 1 - self.rows / self.typical if self.typical > 0 else 0.0

    @property
    def smallest_drop(self) -> float:
        """The smallest share that had to be missing to be noticed."""
        return 1 - float(np.ceil(self.low - 1e-9)) / self.typical

    @property
    def told(self) -> str:
        """The interval with what stands behind it, in one sentence."""
        said = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        if np.isnan(self.typical):
            return (
                f"{said}; {self.weeks} of the same weekday are known,"
                f" {LEAST_WEEKS} are needed, and so nothing is said"
            )
        return (
            f"{said}, expected {self.low:,.0f} to {self.high:,.0f} (typical"
            f" {self.typical:,.0f}, of {self.weeks} same weekdays and {self.points} days);"
            f" a drop of {self.smallest_drop:.0%} is noticed"
        )


def judge(history: Floats, rows: int) -> Volume:
    """Compare the rows of a day with the days before it, which never include it.

    Shapes: `history` as for `bands`, of one dataset.
    """
    known = bands(history)
    run = _run(known, history, rows)
    return Volume(
        state=_state(known, rows, run),
        rows=rows,
        low=float(known.low[0]),
        typical=float(known.typical[0]),
        high=float(known.high[0]),
        weeks=int(known.weeks[0]),
        points=int(known.points[0]),
        zeros=int(known.zeros[0]),
        run=abs(run),
    )


def _state(known: Bands, rows: int, run: int) -> VolumeState:
    if rows == 0 and known.zeros[0]:
        return "enough"
    if known.weeks[0] < LEAST_WEEKS:
        return "warming up"
    if rows == 0:
        return "none"
    if abs(run) >= SHIFT:
        return "new level"
    return "too few" if run < 0 else "enough"


def _run(known: Bands, history: Floats, rows: int) -> int:
    """Count the days up to this one that are all below, as a negative number, or all above."""
    days = [rows, *reversed(history[-(WEEK - 1) :].tolist())]
    sides = []
    for ago, day in enumerate(days):
        place = -ago % WEEK
        sides.append(int(day > known.high[place]) - int(day < known.low[place]))
    length = 0
    while length < WEEK and sides[length] and sides[length] == sides[0]:
        length += 1
    return sides[0] * length


def lacking(dataset: DatasetName, partition: str, volume: Volume, at: datetime) -> Signal | None:
    """Say what a person should hear of a day's rows, if anything.

    Guarantees: too few rows are a ticket; they are a page where half is missing or more, where the
    day before had too few as well, or where there are none at all. A new level is one question on
    its third day, then silence.
    """
    is_page = volume.state == "none"
    if is_page:
        rule = "no rows"
    elif volume.state == "new level":
        if volume.run > SHIFT:
            return None
        rule = "new level: is it the normal from now on?"
    elif volume.state == "too few":
        is_page = volume.drop >= GRAVE_DROP - 1e-9 or volume.run > 1
        rule = f"too few rows {volume.run} days in a row" if volume.run > 1 else "too few rows"
    else:
        return None
    return Signal(
        dataset=dataset,
        promise="completeness",
        severity="page" if is_page else "ticket",
        rule=rule,
        told=f"{partition} has {volume.told}",
        at=at,
        partitions=(partition,),
    )
