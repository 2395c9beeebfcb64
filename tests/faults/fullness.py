"""Disks that are full to different levels while the lake is written."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from tests.faults import crew
from tests.faults.orders import Order
from tests.faults.outcome import Bench, Outcome
from tests.watermain.engine.feed import changes

DISK_BYTES = 16 * 2**20
MOST_FREE_BYTES = 160 * 2**10
PAGE = 4096
ROWS = 700
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Capture with a publish at that many levels of a small disk, each again with room."""
    levels = [PAGE * (n * MOST_FREE_BYTES // PAGE // count) for n in range(count)]
    random.Random(seed).shuffle(levels)
    levels.insert(0, DISK_BYTES)
    environment = {
        "WATERMAIN_DATA_DIR": str(bench.folder / "fullness"),
        "WATERMAIN_POSTGRES": bench.systems.postgres.dsn(bench.database("fullness")),
        "WATERMAIN_THREADS": "1",
    }
    feeds = [[_arrived(version) for version in range(1, n + 2)] for n in range(count + 1)]
    order = Order(
        environment=environment,
        verbs=("initialize", "cramped"),
        given={"feeds": feeds, "levels": levels},
        small=str(bench.folder / "fullness" / "lake"),
        small_bytes=DISK_BYTES,
    )
    ended = crew.run(order)
    if ended.reply is not None and not ended.reply.results.get("small"):
        return Outcome(count=0, left_out="this kernel lets no test mount a disk of its own")
    told = ended.results["cramped"]
    said = Counter(says for says, _, _ in told[1:])
    problems = [p for version, each in enumerate(told, 1) for p in _judged(version, each)]
    return Outcome(count=len(told) - 1, figures=dict(sorted(said.items())), problems=problems)


def _judged(version: int, told: tuple[Any, ...]) -> list[str]:
    """Nothing half-published while the disk was full, everything once there was room."""
    says, before, after = told
    allowed = {"published": (version,), "DiskFullError": (version - 1,)}.get(says, ())
    problems = [] if allowed else [f"turn {version}: it ended with {says}"]
    if before not in [_picture(v) for v in allowed] and allowed:
        problems.append(f"turn {version}: after {says} a reader sees {before}")
    if after != _picture(version):
        problems.append(f"turn {version}: with room again a reader sees {after}")
    return problems


def _arrived(version: int) -> Any:
    rows = [
        {
            "id": f"{day}/{number}",
            "shard": 0,
            "seq": number,
            "at": f"{day} 10:00:00",
            "amount": version,
            "_op": "u" if version > 1 else "i",
        }
        for day in DAYS
        for number in range(ROWS)
    ]
    start = str(version - 1) if version > 1 else ""
    return changes(rows, start=start, end=str(version))


def _picture(version: int) -> list[tuple[Any, ...]]:
    return [(day, ROWS, ROWS, version, version) for day in DAYS] if version else []
