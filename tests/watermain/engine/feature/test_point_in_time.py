"""The as-of join takes what was known then, of that entity, the newest of it, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watermain.engine.feature.point_in_time import Facts, Newest, Numbers, Slots, numbered

Fact = tuple[int, int, int, int]  # entity, event, known, value
Ask = tuple[int | None, int]
VALUE = pa.schema([("value", pa.int64())])
FAR = 2**61


def array(values: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.fromiter(values, np.int64)


def joined(
    asks: Sequence[Ask],
    batches: Sequence[Sequence[Fact]],
    max_age: timedelta | None = None,
    *,
    knows: bool = True,
) -> list[int | None]:
    """What the join answers to each ask."""
    at = array(a[1] for a in asks)
    slots = Slots(array(-1 if a[0] is None else a[0] for a in asks), at)
    newest, asked = Newest(slots), {a[0] for a in asks}
    for of_all in batches:
        batch = [f for f in of_all if f[0] in asked]  # as the lake reads them
        columns = [array(fact[n] for fact in batch) for n in range(4)]
        values = pa.record_batch([pa.array(columns[3])], schema=VALUE)
        facts = Facts(columns[0], columns[1], columns[2] if knows else None, values)
        newest.take(facts, slots.first_that_sees(facts))
    found = newest.answers(at, max_age, VALUE)
    assert found.schema == VALUE
    return found["value"].to_pylist()


def oracle(
    asks: Sequence[Ask],
    facts: Sequence[Fact],
    max_age: timedelta | None = None,
    *,
    knows: bool = True,
) -> list[int | None]:
    """The same, one by one."""
    found: list[int | None] = []
    for entity, at in asks:
        seen = [
            (event, known if knows else 0, repr([{"value": value}]), value)
            for of, event, known, value in facts
            if of == entity and event <= at and (known <= at or not knows)
        ]
        best = max(seen, default=None)
        if best is not None and max_age is not None:
            best = None if at - best[0] > max_age // timedelta(microseconds=1) else best
        found.append(None if best is None else best[3])
    return found


KNOWN_ANSWERS: dict[str, tuple[list[Ask], list[Fact], int | None, list[int | None]]] = {
    "nothing is known yet": ([(0, 9)], [(0, 10, 10, 1)], None, [None]),
    "known in that very instant": ([(0, 10)], [(0, 10, 10, 1)], None, [1]),
    "the newest event": ([(0, 30)], [(0, 10, 10, 1), (0, 20, 20, 2)], None, [2]),
    "happened but not known": ([(0, 15)], [(0, 10, 20, 1)], None, [None]),
    "known before it happens": ([(0, 15), (0, 20)], [(0, 20, 10, 1)], None, [None, 1]),
    "late fact of an older event": (
        [(0, 25), (0, 35)],
        [(0, 20, 20, 2), (0, 10, 30, 1)],
        None,
        [2, 2],
    ),
    "late fact of a newer event": (
        [(0, 25), (0, 30)],
        [(0, 10, 10, 1), (0, 20, 30, 2)],
        None,
        [1, 2],
    ),
    "a correction counts when it is known": (
        [(0, 19), (0, 20)],
        [(0, 10, 10, 1), (0, 10, 20, 2)],
        None,
        [1, 2],
    ),
    "a correction of what was overtaken counts for nothing": (
        [(0, 40)],
        [(0, 10, 10, 1), (0, 20, 20, 2), (0, 10, 30, 3)],
        None,
        [2],
    ),
    "exactly as old as may be": ([(0, 15)], [(0, 10, 10, 1)], 5, [1]),
    "too old by the smallest time": ([(0, 16)], [(0, 10, 10, 1)], 5, [None]),
    "age counts from the event, not from when it was known": (
        [(0, 20)],
        [(0, 10, 18, 1)],
        5,
        [None],
    ),
    "too old a newest one does not bring back an older one": (
        [(0, 30)],
        [(0, 10, 29, 1), (0, 20, 20, 2)],
        5,
        [None],
    ),
    "another entity's facts are not its": (
        [(0, 50), (1, 5), (2, 50)],
        [(1, 10, 10, 1), (3, 20, 20, 3)],
        None,
        [None, None, None],
    ),
    "no entity, no answer": ([(None, 50), (0, 50)], [(0, 10, 10, 1)], None, [None, 1]),
    "asked twice, answered twice, in the order asked": (
        [(0, 50), (0, 5), (0, 50)],
        [(0, 10, 10, 1)],
        None,
        [1, None, 1],
    ),
    "alike but for the value, the value written last": (
        [(0, 50)],
        [(0, 10, 10, 7), (0, 10, 10, 30), (0, 10, 10, 5)],
        None,
        [7],
    ),
    "nothing is asked": ([], [(0, 10, 10, 1)], None, []),
    "there is nothing": ([(0, 50)], [], None, [None]),
}


@pytest.mark.parametrize("case", KNOWN_ANSWERS)
def test_join_gives_known_answers(case: str) -> None:
    """Each rule by an example, the facts in one batch, one by one, backwards."""
    asks, facts, age, right = KNOWN_ANSWERS[case]
    max_age = None if age is None else timedelta(microseconds=age)
    assert joined(asks, [facts], max_age) == right
    assert joined(asks, [[f] for f in facts], max_age) == right
    assert joined(asks, [[f] for f in reversed(facts)], max_age) == right
    assert oracle(asks, facts, max_age) == right


TIMES = st.integers(0, 12) | st.sampled_from([-FAR, FAR - 1, 10**15])
ASKS = st.lists(st.tuples(st.none() | st.integers(0, 4), TIMES), max_size=40)
FACTS = st.lists(st.tuples(st.integers(0, 4), TIMES, TIMES, st.integers(0, 30)), max_size=60)
AGES = st.none() | st.integers(1, 12).map(lambda n: timedelta(microseconds=n))


@settings(max_examples=400)
@given(asks=ASKS, facts=FACTS, age=AGES, knows=st.booleans(), cut=st.integers(1, 60))
@example(asks=[(0, FAR - 1), (4, -FAR)], facts=[(4, -FAR, 0, 1)], age=None, knows=False, cut=1)
def test_join_agrees_with_the_oracle(
    asks: list[Ask], facts: list[Fact], age: timedelta | None, knows: bool, cut: int
) -> None:
    """Whatever is asked, however the facts are cut, however far apart the instants lie."""
    batches = [facts[n : n + cut] for n in range(0, len(facts), cut)]
    near = [a for a in asks if abs(a[1]) < FAR] if age else asks
    assert joined(near, batches, age, knows=knows) == oracle(near, facts, age, knows=knows)


@settings(max_examples=60)
@given(facts=FACTS, asks=ASKS, seed=st.randoms(use_true_random=False))
def test_join_does_not_depend_on_the_order_of_the_facts(
    facts: list[Fact], asks: list[Ask], seed: Any
) -> None:
    """Files may be read in any order."""
    shuffled = [*facts]
    seed.shuffle(shuffled)
    assert joined(asks, [facts]) == joined(asks, [shuffled[:7], shuffled[7:]])


def generated(rows: int, entities: int, span: int, seed: int) -> tuple[np.random.Generator, ...]:
    chance = np.random.default_rng(seed)
    return tuple(chance.integers(0, high, rows) for high in (entities, span, span))  # type: ignore[return-value]


@pytest.mark.parametrize(("entities", "span"), [(3, 10**6), (5_000, 10**6), (50, 40)])
def test_join_is_right_at_size(entities: int, span: int) -> None:
    """Many facts of few entities, few of many, most of them alike; the oracle walks in time."""
    asks_of, asks_at, _ = generated(20_000, entities, span, 1)
    facts_of, event, late = generated(60_000, entities, span, 2)
    known = event + late // 7
    value = np.arange(60_000) + 10**6  # as many digits each: written order is number order
    facts = list(zip(*(c.tolist() for c in (facts_of, event, known, value)), strict=True))
    asks = list(zip(asks_of.tolist(), asks_at.tolist(), strict=True))
    moments = [(max(f[1], f[2]), 0, n) for n, f in enumerate(facts)]
    moments += [(a[1], 1, n) for n, a in enumerate(asks)]
    best: dict[int, tuple[int, int, int]] = {}
    right: list[int | None] = [None] * len(asks)
    for _, is_ask, n in sorted(moments):
        if is_ask:
            right[n] = best.get(asks[n][0], (0, 0, None))[2]  # type: ignore[arg-type]
        else:
            of, *fact = facts[n]
            best[of] = max(best.get(of, (-1, -1, -1)), tuple(fact))  # type: ignore[type-var]
    batches = [facts[n : n + 9_000] for n in range(0, len(facts), 9_000)]
    assert joined(asks, batches) == right


def test_join_keeps_no_more_features_than_slots() -> None:
    """Memory is the spine's, not the table's."""
    slots = Slots(array([0, 1]), array([1000, 1000]))
    newest = Newest(slots)
    for number in range(100):
        event = array([number, number])
        batch = pa.record_batch([pa.array([number, -number])], schema=VALUE)
        facts = Facts(array([0, 1]), event, None, batch)
        newest.take(facts, slots.first_that_sees(facts))
        assert newest._begins[-1] <= 2 * len(slots) + 2
    assert newest.answers(array([1000, 1000]), None, VALUE)["value"].to_pylist() == [99, -99]


def told(entity: Numbers, event: Numbers) -> Facts:
    """Facts without values."""
    return Facts(entity, event, None, pa.record_batch([pa.nulls(len(event))], names=["value"]))


def test_slots_find_clustered_instants() -> None:
    """One instant far from a thousand others leaves nothing to guess by."""
    at = array([-(2**40), *range(0, 5000, 5)])
    slots = Slots(np.zeros(len(at), np.int64), at)
    wanted = np.arange(-3, 4996)
    found = slots.first_that_sees(told(np.zeros(len(wanted), np.int64), wanted))
    assert at[found].tolist() == [-(-max(w, 0) // 5) * 5 for w in wanted.tolist()]
    late = slots.first_that_sees(told(array([0, 0]), array([4996, FAR])))
    assert late.tolist() == [-1, -1]


@pytest.mark.parametrize("order", [1, -1])
def test_numbered_counts_distinct_entities(order: int) -> None:
    """A null in any column is no entity; alike rows are one."""
    left = pa.array(["a", "b", None, "a", "a", "b"][::order])
    right = pa.array([1, 1, 1, None, 1, 2][::order])
    numbers, values = numbered([left, right])
    entities = list(zip(*(v.to_pylist() for v in values), strict=True))
    assert sorted(entities) == [("a", 1), ("b", 1), ("b", 2)]
    told = [None if n < 0 else entities[n] for n in numbers.tolist()]
    assert told == [("a", 1), ("b", 1), None, None, ("a", 1), ("b", 2)][::order]


def test_numbered_takes_one_column_as_it_is() -> None:
    """Each distinct value is an entity."""
    numbers, (values,) = numbered([pa.array(["x", None, "y", "x"])])
    assert (numbers.tolist(), values.to_pylist()) == ([0, -1, 1, 0], ["x", "y"])
    numbers, (values,) = numbered([pa.nulls(3, pa.string())])
    assert (numbers.tolist(), values.to_pylist()) == ([-1, -1, -1], [])
