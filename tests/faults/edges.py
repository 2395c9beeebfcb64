"""The campaigns at the edges of the platform: requests, deliveries, secrets."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

from tests.faults import rotations
from tests.resources.source import rest_campaign, webhook_campaign

Campaign = Callable[[int, int], dict[str, Any]]
# What each is called, how often its fault is provoked, what provokes it.
EDGES: dict[str, tuple[int, Campaign]] = {
    "request schedules": (500, rest_campaign.campaign),
    "endpoint kills": (200, webhook_campaign.campaign),
    "secret rotations": (20, rotations.campaign),
}


def run(name: str, count: int, seed: int) -> dict[str, Any]:
    """Run one campaign: its `count`, `figures`, `problems`, why something was `left_out`."""
    return EDGES[name][1](count, seed)


def main(arguments: list[str] | None = None) -> int:
    """Run each campaign, print what it found; 0 when nothing was wrong."""
    words = argparse.ArgumentParser(prog="python -m tests.faults.edges", description=__doc__)
    words.add_argument("names", nargs="*", default=list(EDGES), help=", ".join(EDGES))
    words.add_argument("--count", type=int, help="how often; without it as often as is promised")
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args(arguments)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # it tells of every broken answer
    wrong = 0
    for name in given.names:
        found = run(name, given.count or EDGES[name][0], given.seed)
        wrong += len(found["problems"])
        print(f"{name}, seed {given.seed}: {json.dumps(found)}", flush=True)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
