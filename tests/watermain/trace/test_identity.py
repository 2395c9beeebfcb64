"""Numbers of traces that follow from what they are about."""

from __future__ import annotations

import pytest

from watermain.trace.identity import TracePoint, batch_point, point, publish_point, run_point

KNOWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_traceparent_is_read_and_written():
    """The example of the standard comes back as it was."""
    found = TracePoint.parse(KNOWN)
    assert found == TracePoint(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
    assert str(found) == KNOWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        KNOWN.upper(),
        KNOWN[:-1],
        f"{KNOWN}-more",
        f"ff{KNOWN[2:]}",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        "x" * 10_000,
    ],
)
def test_traceparent_that_is_none_is_nothing(text):
    """What a sender made up is no trace."""
    assert TracePoint.parse(text) is None


def test_point_is_the_same_in_every_release():
    """A trace is found again by the ledger's words, so its numbers may never change."""
    assert str(run_point("r1")) == "00-b887b6310330700cc5b0fa272d38bd34-357c914a3b751b05-01"


def test_point_of_another_attempt_is_in_the_same_trace():
    """Who tries again has another span of it."""
    first = publish_point("a.curated.b", "2026-06-01", "v1", "run-1", 7)
    again = publish_point("a.curated.b", "2026-06-01", "v1", "run-2", 8)
    other = publish_point("a.curated.b", "2026-06-01", "v2", "run-2", 8)
    assert first.trace == again.trace != other.trace
    assert first.span != again.span


def test_point_of_a_batch_is_known_by_the_version_that_it_made():
    """A partition's version is the beginning of the batch's id, and leads to the same trace."""
    whole = batch_point("a.raw.b", "ab" * 32, "run", 1)
    assert whole == batch_point("a.raw.b", ("ab" * 32)[:32], "run", 1)


def test_child_tells_brothers_apart():
    """Parts of one name differ by their place."""
    above = point("run", "r1")
    assert above.child("stage", 0) != above.child("stage", 1)
    assert above.child("stage", 0).trace == above.trace
