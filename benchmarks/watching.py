"""What it costs to be watched: traces that are off, traces that are on, the log of questions.

Equal: the process, the server, the datasets, and the whole of `capture`, `publish` and `read`. The
peer of traces that are off has every place where a span would be taken out of the code. The peer of
traces that are on has them off; the collector is a thread of this process, which costs ours more
than one of its own would. The peer of the log of questions keeps none. Printed is the median of a
work, and for questions what one takes more, in milliseconds. Run it:
`python -m benchmarks.watching`.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from unittest.mock import patch

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.shop import KNOWN, shop, standing
from benchmarks.small_batch import captured, published
from watermain import read
from watermain.engine.capture import ingest
from watermain.engine.publish import publish, staging
from watermain.engine.publish.publication import Job
from watermain.lake import lake
from watermain.settings import set_variables

OFF_LIMIT, ON_LIMIT, QUESTION_LIMIT = 1.03, 1.25, 1.2
TURNS = 41
ENDPOINT = "WATERMAIN_OTLP_ENDPOINT"


def nothing(*_: object) -> nullcontext[None]:
    """Do nothing."""
    return nullcontext()


PLACES: tuple[tuple[ModuleType, str], ...] = (
    *((ingest, name) for name in ("traced", "landed", "keep", "prepare", "part")),
    *((publish, name) for name in ("operation", "traced")),
    (staging, "part"),
    (lake, "part"),
)


def without(work: Callable[[Job], float], job: Job) -> float:
    """Do some work with no place where a span would be."""
    for module, name in PLACES:
        patch.object(module, name, nothing).start()
    try:
        return work(job)
    finally:
        patch.stopall()


def traced(work: Callable[[Job], float], job: Job, address: str) -> float:
    """Do some work whose spans go to a collector."""
    with patch.dict(os.environ, {ENDPOINT: address}):
        return work(job)


@contextmanager
def collector() -> Iterator[str]:
    """Take whatever is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def asked(job: Job, days: str) -> float:
    """Ask one small question."""
    set_variables({"WATERMAIN_QUERY_DAYS": days})
    began = time.perf_counter()
    read.query(f"select count(*) as n from {standing.name}", lake=job.lake, declared=lambda: KNOWN)
    return time.perf_counter() - began


def questions(job: Job) -> int:
    """What a question takes more when it is written down."""
    pairs = [(asked(job, "90"), asked(job, "0")) for _ in range(TURNS * 5)][5:]
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    met = ours / peer <= QUESTION_LIMIT
    told = {"ours": round(ours * 1e3, 3), "peer": round(peer * 1e3, 3)}
    told |= {"more": round((ours - peer) * 1e3, 3), "ratio": round(ours / peer, 4)}
    claim = "a question that is written down beside one that is not, milliseconds"
    print(json.dumps({"claim": claim, **told, "limit": QUESTION_LIMIT, "met": met}), flush=True)
    return int(not met)


def main() -> int:
    """Print each figure."""
    missed = 0
    with shop() as place, collector() as address:
        job = place.job("watched")
        captured(job), published(job)
        for name, work in (("capture of one row", captured), ("publish of one day", published)):
            missed |= measure(
                f"{name} with traces off beside no traces at all, seconds",
                lambda work=work: work(job),
                lambda work=work: without(work, job),
                limit=OFF_LIMIT,
                turns=TURNS,
            ).tell()
            missed |= measure(
                f"{name} with traces on beside traces off, seconds",
                lambda work=work: traced(work, job, address),
                lambda work=work: work(job),
                limit=ON_LIMIT,
                turns=TURNS,
            ).tell()
        return missed | questions(job)


if __name__ == "__main__":
    sys.exit(main())
