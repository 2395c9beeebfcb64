"""Pauses grow to a bound, none like the other."""

from __future__ import annotations

import random
from datetime import timedelta

from watermain.backoff import Backoff


def seconds(backoff: Backoff, tries: int) -> list[float]:
    """The pauses that come next."""
    return [backoff.pause().total_seconds() for _ in range(tries)]


def test_pauses_double_up_to_the_longest() -> None:
    """Each lies between half of its bound and all of it, for ever."""
    whole = [1, 2, 4, 8, 16, 30, 30, 30]
    found = seconds(Backoff(chance=random.Random(3)), len(whole))
    assert all(most / 2 <= pause <= most for pause, most in zip(found, whole, strict=True))
    assert seconds(Backoff(tries=10**6), 1)[0] <= 30


def test_pauses_of_two_are_not_alike() -> None:
    """Who lost the same server does not come back at the same moment."""
    assert seconds(Backoff(chance=random.Random(1)), 3) != seconds(
        Backoff(chance=random.Random(2)), 3
    )


def test_rest_begins_anew_and_least_is_kept() -> None:
    """After something worked the first pause is short again; a floor may be asked for."""
    backoff = Backoff(chance=random.Random(5))
    seconds(backoff, 6)
    backoff.rest()
    assert backoff.tries == 0
    assert seconds(backoff, 1)[0] <= 1
    assert backoff.pause(timedelta(seconds=10)).total_seconds() >= 5
