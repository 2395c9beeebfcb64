"""Rows as they were known: beside a server in plain Python that hears one fact after the other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from watermain.declare import as_told, told_changes

START = datetime(2013, 3, 10, tzinfo=UTC)
HOURS = timedelta(hours=3)
INSTANTS = 1000
Fact = dict[str, Any]


def minute(number: float) -> datetime:
    """An instant so many minutes after the start."""
    return START + timedelta(minutes=number)


def fact(airport: str | None, at: float, known: float, delay: float, **more: Any) -> Fact:
    """One departure; without `ended` it holds for ever."""
    ended = more.pop("ended", None)
    return {
        "airport": airport,
        "at": minute(at),
        "known_at": minute(known),
        "ended_at": None if ended is None else minute(ended),
        "delay": delay,
    }


def told(facts: list[Fact], preceding: timedelta = HOURS) -> pd.DataFrame:
    """The tellings of a mean and a count."""
    frame = pd.DataFrame(facts)
    for name in ("at", "known_at", "ended_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    rows = as_told(
        ibis.memtable(frame),
        by=("airport",),
        at="at",
        known_at="known_at",
        superseded_at="ended_at",
        preceding=preceding,
    )
    found = rows.group_by("airport", "at", "known_at").aggregate(
        mean=rows.delay.mean(), count=rows.count()
    )
    return found.order_by("airport", "at", "known_at").to_pandas()


def served(facts: list[Fact], airport: str, now: datetime) -> tuple[datetime, float, int] | None:
    """What a server that heard everything known by now answers of the newest event that counts."""
    heard = [
        f
        for f in facts
        if f["airport"] == airport
        and max(f["at"], f["known_at"]) <= now
        and (f["ended_at"] is None or f["ended_at"] > now)
    ]
    if not heard:
        return None
    event = max(f["at"] for f in heard)
    window = [f["delay"] for f in heard if event - HOURS <= f["at"] <= event]
    return event, sum(window) / len(window), len(window)


def ordered(rows: pd.DataFrame, airport: str) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """The tellings of an airport by event and then by when they were known, and both in columns."""
    mine = rows[rows["airport"] == airport].sort_values(["at", "known_at"])
    at, known = (mine[n].dt.tz_convert(None).to_numpy("datetime64[us]") for n in ("at", "known_at"))
    return at, known, mine


def remembered(
    tellings: tuple[np.ndarray, np.ndarray, pd.DataFrame], now: datetime
) -> tuple[Any, ...] | None:
    """What the point-in-time rule answers from the tellings: newest event, then latest known."""
    at, known, mine = tellings
    instant = np.datetime64(now.replace(tzinfo=None), "us")
    (seen,) = np.nonzero((at <= instant) & (known <= instant))
    if not seen.size:
        return None
    row = mine.iloc[seen[-1]]
    return row["at"].to_pydatetime(), row["mean"], row["count"]


def drawn(seed: int) -> list[Fact]:
    """A day of departures: most heard at once, some late, some by hours, some corrected."""
    draw = random.Random(seed)
    facts = []
    for _ in range(400):
        airport, at = draw.choice(["JFK", "LGA", None]), draw.randrange(24 * 60)
        late = draw.choice([0.1, 0.5, 0.5, 2, 20, 400])
        known, delay = at + late, float(draw.randrange(-10, 90))
        if draw.random() < 0.2:
            corrected = known + draw.choice([1, 30, 300])
            facts.append(fact(airport, at, known, delay, ended=corrected))
            known, delay = corrected, float(draw.randrange(-10, 90))
        facts.append(fact(airport, at, known, delay))
    return facts


@pytest.mark.parametrize("seed", range(5))
def test_answers_equal_a_server_that_heard_one_fact_after_the_other(seed: int) -> None:
    """At a thousand random instants, and at each at which something is heard: no difference."""
    facts = drawn(seed)
    rows = told(facts)
    assert not rows.duplicated(["airport", "at", "known_at"]).any()
    draw = random.Random(-seed)
    instants = [minute(draw.uniform(0, 32 * 60)) for _ in range(INSTANTS)]
    instants += [f["known_at"] for f in facts]
    tellings = {airport: ordered(rows, airport) for airport in ("JFK", "LGA")}
    compared = 0
    for now in instants:
        airport = draw.choice(["JFK", "LGA"])
        right, found = served(facts, airport, now), remembered(tellings[airport], now)
        assert (right is None) == (found is None), now
        if right is not None and found is not None:
            assert found == (right[0], pytest.approx(right[1]), right[2]), now
            compared += 1
    assert compared > INSTANTS


def test_late_fact_adds_a_telling_and_changes_none() -> None:
    """What stood before it came stands unchanged."""
    early = [fact("JFK", 0, 1, 10.0), fact("JFK", 60, 61, 20.0)]
    late = fact("JFK", 30, 90, 60.0)
    before, after = told(early), told([*early, late])
    merged = after.merge(before, how="left", indicator=True)
    assert (merged["_merge"] == "both").sum() == len(before) == 2
    added = merged[merged["_merge"] == "left_only"][["at", "known_at", "mean", "count"]]
    assert added.to_numpy().tolist() == [
        [pd.Timestamp(minute(30)), pd.Timestamp(minute(90)), 35.0, 2],
        [pd.Timestamp(minute(60)), pd.Timestamp(minute(90)), 30.0, 3],
    ]


def test_window_has_both_ends() -> None:
    """A fact as old as the window is long counts; one a microsecond older does not."""
    edge = fact("JFK", 0, 0, 10.0)
    older = {**edge, "at": edge["at"] - timedelta(microseconds=1), "delay": 1000.0}
    last = fact("JFK", 180, 180, 20.0)
    rows = told([edge, older, last])
    assert rows[rows["at"] == pd.Timestamp(minute(180))]["mean"].tolist() == [15.0]


def changes(*rows: tuple[str, str, str | None, int]) -> ibis.Table:
    """Changes of a timetable: what happened to which flight, its new gate, the minute."""
    frame = pd.DataFrame(
        {
            "_op": [r[0] for r in rows],
            "_lsn": range(len(rows)),
            "_seq": 0,
            "_commit_at": [pd.Timestamp(minute(r[3] + 1)) for r in rows],
            "flight": [r[1] for r in rows],
            "gate": [r[2] for r in rows],
            "status": [str(n) for n in range(len(rows))],
            "updated_at": [pd.Timestamp(minute(r[3])) for r in rows],
        }
    )
    return ibis.memtable(frame)


def gates(*rows: tuple[str, str, str | None, int]) -> list[tuple[Any, ...]]:
    """Each telling: flight, gate, the minutes since when and until when."""
    found = told_changes(changes(*rows), "flight", ("gate",), at="updated_at")
    frame = found.order_by("flight", "known_at").to_pandas()
    return [
        (
            r["flight"],
            r["gate"],
            (r["known_at"] - pd.Timestamp(START)).total_seconds() / 60,
            None
            if pd.isna(r["superseded_at"])
            else (r["superseded_at"] - pd.Timestamp(START)).total_seconds() / 60,
        )
        for r in frame.to_dict("records")
    ]


def test_told_changes_keeps_each_telling_with_its_end() -> None:
    """A change of other columns is none; one of the same instant counts as the last says."""
    assert gates(
        ("i", "a", "1", 0), ("u", "a", "1", 5), ("u", "a", "2", 9), ("i", "b", "7", 3)
    ) == [("a", "1", 0, 9), ("a", "2", 9, None), ("b", "7", 3, None)]
    assert gates(("i", "a", "1", 4), ("u", "a", "2", 4)) == [("a", "2", 4, None)]


def test_told_changes_never_knows_a_telling_before_the_one_that_it_replaces() -> None:
    """A source whose clock went back does not change what was known."""
    assert gates(("i", "a", "1", 10), ("u", "a", "2", 4), ("u", "a", "3", 20)) == [
        ("a", "2", 10, 20),
        ("a", "3", 20, None),
    ]


def test_told_changes_ends_with_a_deletion_and_begins_again() -> None:
    """A deleted key has no telling, from the commit of the deletion on."""
    assert gates(("i", "a", "1", 0), ("d", "a", "1", 5), ("i", "a", "1", 30)) == [
        ("a", "1", 0, 6),
        ("a", "1", 30, None),
    ]
