"""What the instruments of New York's airports read at any instant of any day."""

from __future__ import annotations

import csv
import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from demo.calendar import source_instant
from demo.flights import source_file

AIRPORTS = ("EWR", "JFK", "LGA")


class Instrument(NamedTuple):
    """Name what is measured: the source's column, the unit, and how much two readings differ."""

    column: str
    unit: str
    noise: float


INSTRUMENTS: Mapping[str, Instrument] = {
    "wind": Instrument("wind_speed", "miles per hour", 1.5),
    "visibility": Instrument("visib", "miles", 0.25),
    "pressure": Instrument("pressure", "hPa", 0.2),
}


class Sky:
    """Read the hourly weather of 2013 between its hours, but a little unsteady, as instruments are.

    Guarantees: the same seed, airport, instrument and instant give the same reading.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._hours: dict[tuple[str, str], tuple[list[datetime], list[float]]] = {
            (airport, name): ([], []) for airport in AIRPORTS for name in INSTRUMENTS
        }
        with source_file("weather.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                at = datetime.fromisoformat(row["time_hour"]).astimezone(UTC)
                for name, instrument in INSTRUMENTS.items():
                    if row[instrument.column] != "NA":
                        hours, values = self._hours[row["origin"], name]
                        hours.append(at)
                        values.append(float(row[instrument.column]))
        assert all(a < b for hours, _ in self._hours.values() for a, b in pairwise(hours))

    def reading(self, airport: str, name: str, at: datetime) -> float:
        """Tell what an instrument reads at the same time of the day that today replays."""
        there = source_instant(at)
        hours, values = self._hours[airport, name]
        after = min(max(1, bisect_right(hours, there)), len(hours) - 1)
        begin, end = hours[after - 1], hours[after]
        share = min(1.0, max(0.0, (there - begin) / (end - begin)))
        steady = values[after - 1] + (values[after] - values[after - 1]) * share
        unsteady = steady + (self._draw(airport, name, at) - 0.5) * 2 * INSTRUMENTS[name].noise
        return round(max(0.0, unsteady), 2)

    def _draw(self, *words: object) -> float:
        text = "|".join(map(str, (self._seed, *words)))
        return int.from_bytes(hashlib.md5(text.encode()).digest()[:4]) / 2**32
