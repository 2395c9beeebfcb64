"""Online features over HTTP, beside Feast's own server.

Equal: one Redis on this machine, which holds the same 20,000 rows of ten numbers for both sides;
one server process each; the same requests for all ten features of random entities, sent over eight
kept connections by one client, which reads no more of an answer than its status and its length. The
values of a hundred entities are compared before anything is measured.
Not equal, on purpose: ours asks for a key, holds a rate and keeps figures; its answer has the
event times. Feast's server has no recycling of workers and no access log.
The wait at half of our peak is measured at a steady rate, from when each request was due.
Run it: `python -m benchmarks.serve`.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.fixtures import serve_side
from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.feast_site import FeastSite
from benchmarks.fixtures.http_load import Load, closed_loop, open_loop
from tests.watermain.online.redis_server import redis_server

TURNS = 5
SECONDS = 4.0
CONNECTIONS = 8
PACED_CONNECTIONS = 64
LIMITS = {1: 1 / 6, 100: 1 / 25}
MOST_WAIT = 0.010
COMPARED = 100


def compare(ours: str, key: str, feast: str) -> None:
    """Read the same entities from both; every value must be the same."""
    names = [serve_side.flight(n) for n in range(COMPARED)]
    told = httpx.post(
        f"{ours}/v1/features",
        json={"features": [serve_side.NAME], "entities": {"flight": names}},
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
    ).json()["tables"][0]
    refs = [f"{serve_side.VIEW}:{name}" for name in serve_side.FEATURES]
    other = httpx.post(
        f"{feast}/get-online-features",
        json={"features": refs, "entities": {"flight": names}},
        timeout=60,
        trust_env=False,
    ).json()
    columns = dict(zip(other["metadata"]["feature_names"], other["results"], strict=True))
    for name in serve_side.FEATURES:
        assert columns[name]["values"] == [row[name] for row in told["features"]], name
    assert told["status"] == ["present"] * COMPARED


def turn(url: str, entities: int, key: str | None) -> Load:
    """Ask as fast as one side answers."""
    load = closed_loop(
        url, serve_side.asked(entities, key), seconds=SECONDS, connections=CONNECTIONS
    )
    assert load.failed == 0, f"{load.failed} of {load.answered} answers are no 200"
    return load


def measured(entities: int, ours: Callable[[], Load], feast: Callable[[], Load]) -> Figure:
    """Measure both sides in turns; print each turn."""
    claim = f"features of {entities} entities out of Redis beside Feast, seconds a request"
    print(f"{claim}: {TURNS} turns, {CONNECTIONS} connections")
    ours(), feast()
    pairs = []
    for number in range(TURNS):
        pairs.append((ours(), feast()))
        told = ", ".join(
            f"{name} {1 / load.each:,.0f} requests/s, p99 {load.percentile(0.99) * 1000:.1f} ms"
            for name, load in zip(("ours", "Feast"), pairs[-1], strict=True)
        )
        print(f"  turn {number + 1}: {told}", flush=True)
    mine, theirs = (statistics.median(x.each for x in side) for side in zip(*pairs, strict=True))
    return Figure(claim, mine, theirs, LIMITS[entities])


def waited(url: str, key: str) -> Figure:
    """The wait that one in a hundred exceeds at half of the peak, which each turn finds anew."""
    requests, waits = serve_side.asked(100, key), []
    for number in range(TURNS):
        rate = 0.5 / turn(url, 100, key).each
        load = open_loop(url, requests, rate=rate, seconds=SECONDS, connections=PACED_CONNECTIONS)
        assert load.failed == 0
        waits.append(load.percentile(0.99))
        half = load.percentile(0.5) * 1000
        print(
            f"  turn {number + 1}: {rate:,.0f} requests/s, p50 {half:.1f} ms,"
            f" p99 {waits[-1] * 1000:.1f} ms",
            flush=True,
        )
    claim = "p99 for 100 entities at half of the peak, seconds"
    return Figure(claim, statistics.median(waits), MOST_WAIT, 1)


def main() -> int:
    """Print each turn, each ratio, and the wait at half of our peak."""
    with TemporaryDirectory(prefix="watermain-bench-") as name, redis_server(Path(name)) as redis:
        folder, rows = Path(name), serve_side.rows()
        serve_side.store(redis.url, rows)
        table = serve_side.feast_table(folder, rows)
        site = FeastSite(folder=folder / "feast", tables=(table,), redis=f"127.0.0.1:{redis.port}")
        site.apply()
        day = timedelta(days=1)
        site.materialize(serve_side.VIEW, serve_side.AT - day, serve_side.AT + day)
        with serve_side.serving(folder, redis.url) as (ours, key), site.server() as feast:
            compare(ours, key, feast)
            missed = 0
            for entities in LIMITS:
                figure = measured(
                    entities,
                    lambda n=entities: turn(ours, n, key),  # type: ignore[misc]
                    lambda n=entities: turn(feast, n, None),  # type: ignore[misc]
                )
                missed |= figure.tell()
            return missed | waited(ours, key).tell()


if __name__ == "__main__":
    sys.exit(main())
