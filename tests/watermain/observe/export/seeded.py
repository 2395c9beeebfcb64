"""Figures of which every family has a series, as they grow from scrape to scrape."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.watermain.observe.export.test_exposition import of
from watermain.observe.export.figures import (
    AlertFigures,
    AllFigures,
    CaptureFigures,
    LakeFigures,
    PlatformFigures,
)

ROOMS = ("billing", "weather")
STATES = ("met", "burning", "breached", "not measured")


def seeded(now: datetime) -> AllFigures:
    """A platform in which everything happens: each state of a promise, an alert, a queue."""
    grown = int(now.timestamp()) % 1_000_000
    names = [f"{room}.curated.t{number}" for room in ROOMS for number in range(4)]
    promises = [
        replace(of(name, is_missing=number % 4 == 2), state=STATES[number % 4], left=number % 4 - 2)
        for number, name in enumerate(names)
    ]
    return AllFigures(
        at=now,
        evaluated_at=now - timedelta(seconds=3),
        ledger_at=now,
        platform=PlatformFigures(
            services={"web": True, "stream": False},
            runs={"started": 2, "queued": 0},
            ended={"success": 3, "failure": 1},
        ),
        promises=tuple(promises),
        lake=tuple(_held(name, grown, now) for name in names),
        captures=(
            CaptureFigures(
                dataset="billing.raw.fees",
                batches=grown,
                rows=grown,
                aside=grown,
                committed_at=now - timedelta(seconds=9),
                reached_at=now - timedelta(minutes=1),
            ),
        ),
        alerts=AlertFigures(
            open={("firing", "page"): 1},
            causes={names[2]: "billing.raw.fees@20260603"},
            waiting={"pager": (1, now)},
            incidents=1,
        ),
    )


def _held(name: str, grown: int, now: datetime) -> LakeFigures:
    return LakeFigures(
        dataset=name,
        rows=grown,
        bytes=grown * 9,
        publishes=grown,
        published_rows=grown,
        published_bytes=grown,
        published_at=now - timedelta(minutes=5),
    )
