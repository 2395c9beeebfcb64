"""What is remembered of the numbers that devices give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.source.mqtt import sequences
from watermain.source.mqtt.sequences import NumberVerdict, Sequences, gaps

ARRIVALS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 40), st.booleans()), max_size=60
)


@given(ARRIVALS)
def test_number_is_fresh_exactly_once_in_any_order_across_positions(
    arrivals: list[tuple[str, int, bool]],
) -> None:
    known, seen = Sequences.of(""), set()
    for device, number, written in arrivals:
        verdict = known.add(device, number)
        expected = NumberVerdict.KNOWN if (device, number) in seen else NumberVerdict.FRESH
        assert verdict is expected
        seen.add((device, number))
        if written:
            known = Sequences.of(known.position())
    missing = {(d, n) for d, first, last in gaps(known.position()) for n in range(first, last + 1)}
    for device in {d for d, _ in seen}:
        own = {n for d, n in seen if d == device}
        between = set(range(min(own), max(own))) - own
        assert {n for d, n in missing if d == device} == between


def test_numbers_below_a_hole_that_was_given_up_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MOST_HOLES", 2)
    known = Sequences.of("")
    assert {known.add("a", number) for number in (0, 2, 4, 6)} == {NumberVerdict.FRESH}
    known = Sequences.of(known.position())
    assert known.add("a", 1) is NumberVerdict.LATE
    assert known.add("a", 3) is NumberVerdict.FRESH
    assert known.add("a", 4) is NumberVerdict.KNOWN


def test_device_beyond_the_most_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MOST_DEVICES", 1)
    known = Sequences.of("")
    assert known.add("a", 1) is NumberVerdict.FRESH
    assert known.add("b", 1) is NumberVerdict.CROWDED


def test_position_is_equal_for_equal_knowledge() -> None:
    one, two = Sequences.of(""), Sequences.of("")
    for known, order in ((one, ("a", "b")), (two, ("b", "a"))):
        for device in order:
            known.add(device, 1)
        known.mark(each * 20 for each in order)
    assert one.position() == two.position()


def test_only_the_last_batch_counts_as_taken() -> None:
    known = Sequences.of("")
    known.mark(["x" * 64])
    known = Sequences.of(known.position())
    assert known.was_taken("x" * 64)
    assert not known.was_taken("y" * 64)
    known.mark(["y" * 64])
    assert not Sequences.of(known.position()).was_taken("x" * 64)
