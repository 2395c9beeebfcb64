"""Captures that have stood still for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from watermain.declare.name import DatasetName
from watermain.declare.wording import lasting
from watermain.engine.promise.signal import Signal
from watermain.observe.watch.alike import alike, so_do
from watermain.observe.watch.gravity import Gravity
from watermain.trouble import Trouble

PROMISE = "capture"
PATIENCE = timedelta(minutes=5)


def still(
    troubles: Iterable[Trouble], told: Collection[str], gravity: Gravity, now: datetime
) -> list[Signal]:
    """Captures that have met errors for five minutes.

    Shapes: `told` are the kinds of trouble that are told as something else already.
    """
    stands = [
        each
        for each in troubles
        if each.kind not in told and now - datetime.fromisoformat(each.since) >= PATIENCE
    ]
    return [
        Signal(
            dataset=(name := DatasetName.parse(first.dataset)),
            promise=PROMISE,
            severity=gravity.gravest([name, *others]),
            rule=f"stands still for {lasting(PATIENCE)}",
            told=f"it stands still, tried {first.tries} times: {first.kind}: {first.what}"
            + so_do(others),
            at=datetime.fromisoformat(first.since),
        )
        for first, others in alike(stands)
    ]
