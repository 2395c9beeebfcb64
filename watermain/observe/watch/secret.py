"""Credentials that a source refuses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from watermain.declare.errors import ExpiredCredentialError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.observe.watch.alike import alike, so_do
from watermain.observe.watch.gravity import Gravity
from watermain.trouble import Trouble

PROMISE = "secret"
MOST_REFUSED = 2  # one refusal may be a rotation that is under way


def refused(troubles: Iterable[Trouble], gravity: Gravity) -> list[Signal]:
    """Captures whose credential was refused more than once in a row."""
    again = [
        each
        for each in troubles
        if each.kind == ExpiredCredentialError.__name__ and each.tries >= MOST_REFUSED
    ]
    return [
        Signal(
            dataset=(name := DatasetName.parse(first.dataset)),
            promise=PROMISE,
            severity=gravity.gravest([name, *others]),
            rule=f"refused {MOST_REFUSED} times in a row",
            told=f"its source has refused the credential {first.tries} times: {first.what}"
            + so_do(others),
            at=datetime.fromisoformat(first.since),
        )
        for first, others in alike(again)
    ]
