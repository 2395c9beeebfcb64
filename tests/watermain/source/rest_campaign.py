"""A campaign of random faults against the REST source: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.rest.test_pace import most_within
from tests.watermain.source.web_kinds import PAGES, RestKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare.errors import TransientError, WatermainError
from watermain.source.rest.rest_client import Bounds

FAULTS = (
    "429", "503", "500", "502", "reset", "short", "cut", "duplicate", "total", "loop", "nothing",
)  # fmt: skip
RATES = (40.0, 150.0, 400.0)
MOST = 1.05
PAST = "Fri, 31 Dec 1999 23:59:59 GMT"


@dataclass
class Tally:
    """What a campaign saw."""

    rows: int = 0
    requests: int = 0
    refused: int = 0
    busiest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)


def campaign(count: int, seed: int) -> dict[str, Any]:
    """Run schedules, each its own endpoint of a random style; give what was seen, what wrong."""
    tally, problems = Tally(), []
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="rest-campaign-") as folder:
            try:
                schedule(random.Random(seed * 1_000_003 + number), Path(folder), tally)
            except (AssertionError, WatermainError) as error:
                problems.append(f"schedule {number} of seed {seed}: {error}")
    figures = {
        "rows": tally.rows,
        "requests": tally.requests,
        "captures given up": tally.refused,
        "busiest second, share of the quota": round(tally.busiest, 3),
        **tally.faults,
    }
    return {"count": count, "figures": figures, "problems": problems, "left_out": ""}


def schedule(chance: random.Random, folder: Path, tally: Tally) -> None:
    """Let rows appear, some late, while answers fail; compare with what was ever told of."""
    api = ThingsApi(style=chance.choice(list(PAGES)), page=chance.choice([1, 2, 3, 5]))
    api.retry_after = chance.choice(["0"] * 40 + ["1"] + [PAST] * 20)
    share = chance.choice([0.0, 0.1, 0.3, 0.6])
    weights = [chance.random() for _ in FAULTS]

    def fault(_: int) -> str | None:
        return chance.choices(FAULTS, weights)[0] if chance.random() < share else None

    with served(api.app) as address:
        kind = RestKind(api, address, folder)
        kind.rate, kind.bounds = chance.choice(RATES), Bounds(pause_seconds=0.005)
        ledger, wanted = Ledger(), 0
        for turn in range(chance.randint(2, 6)):
            rows = [thing(1000 * turn + n, chance.choice(["x", "é", None])) for n in range(wanted)]
            kind.add(rows)
            if turn and chance.random() < 0.5:
                kind.late(thing(-turn), timedelta(minutes=chance.randint(1, 119)))
            api.fault = fault
            tally.refused += attempt(kind, ledger, chance)
            wanted = chance.randint(0, 9)
        api.fault = lambda _: None
        kind.add([])
        ledger.capture(kind.open())
        tally.busiest = max(tally.busiest, judge(kind, ledger))
        tally.rows += len(ledger.rows())
        tally.requests += len(api.times)
        tally.faults += api.faults


def attempt(kind: RestKind, ledger: Ledger, chance: random.Random) -> int:
    """Capture until a fault ends it, as a run would, perhaps without telling of the commit."""
    try:
        ledger.capture(kind.open(), acknowledge=chance.random() < 0.8)
    except TransientError:
        return 1
    return 0


def judge(kind: RestKind, ledger: Ledger) -> float:
    """Compare what was captured with what there is; give the share of the quota that was used."""
    there = sorted(record for _, record in kind.api.things)
    found = ledger.rows("id", "note")
    assert len(found) == len(set(found)) == len(there), f"{len(found)} rows of {len(there)}"
    for each in ledger.seen:
        assert each.rejected == []
    used = most_within(kind.api.times, 1.0) / kind.rate
    assert used <= MOST, f"{used:.0%} of the quota of {kind.rate:.0f} requests in a second"
    return used
