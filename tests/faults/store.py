"""A store of the lake's files that goes away under writers, readers, streams."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from tests.faults import crew
from tests.faults.campaign import World, world
from tests.faults.orders import Order
from tests.faults.outcome import Bench, Outcome
from tests.faults.store_relay import CUT_DOWN, CUT_UP, WAYS, StoreRelay

CASES_PER_WORLD = 10
KINDS = ("postgres", "files")
KILLED = "killed between upload and commit"
FAULTS = (*WAYS, KILLED)
PLACES = (
    "ingest.after_ledger_before_commit",
    "publish.before_sync",
    "publish.before_commit",
    "publish.after_stage",
    "publish.after_data_before_commit",
)
METHODS = {CUT_UP: "PUT", CUT_DOWN: "GET"}
KEY, SECRET = "storekey", "storesecret"
HASTE = {"WATERMAIN_REQUEST_SECONDS": "1", "WATERMAIN_REQUEST_RETRIES": "1"}
LONGEST_SECONDS = 240.0


@dataclass
class Shore:
    """A world with its store behind a relay."""

    made: World
    relay: StoreRelay
    chance: random.Random
    told: Counter[str]
    longest: float = 0.0

    def struck(self, fault: str, number: int) -> list[str]:
        """Do one case; give what was wrong."""
        made = self.made
        made.outside.write(made.random.randint(3, 6))
        if fault == KILLED:
            return self._killed()
        if number % 4 == 3:
            return self._streamed(fault)
        verbs = made.work if number % 4 else ("inspect",)
        for_good = self.chance.random() < 0.7
        method = METHODS.get(fault, self.chance.choice(("PUT", "GET", "")))
        passes = self.chance.randint(0, 1)
        before, began = self.relay.struck, time.monotonic()
        self.relay.lose(fault, method, passes, 10**9 if for_good else 1)
        ended = crew.run(self._hasty(made.order(*verbs)))
        self.relay.calm()
        self.longest = max(self.longest, time.monotonic() - began)
        return self._said(fault, ended, was_struck=self.relay.struck > before)

    def _said(self, fault: str, ended: crew.Ended, *, was_struck: bool) -> list[str]:
        """What was wrong with how a worker ended."""
        if ended.reply is None:
            return [f"{fault}: the worker ended with {ended.code} before it could reply"]
        error, message = ended.reply.error, ended.reply.message
        how = (error or "overcome") if was_struck else "not reached"
        self.told[f"{fault}: {how}"] += 1
        if error is None:
            return []
        name = self.relay.address.rpartition("/")[2]
        if error != "UnreachableSystemError" or len(message.splitlines()) != 4:
            return [f"{fault}: the worker ended with {error} {message}"]
        if name not in message or SECRET in message or message.splitlines()[0].endswith(":"):
            return [f"{fault}: the error does not name the store alone: {message}"]
        return []

    def _killed(self) -> list[str]:
        made = self.made
        places = [p for p in PLACES if p.startswith("ingest") or "publish" in made.work]
        place = self.chance.choice(places)
        at = "publish" if place in PLACES[3:] else "capture"
        nth = self.chance.choice((1, 2))
        ended = crew.run(made.order(*made.work, failpoint=f"{place}=kill:{nth}", at=at))
        self.told[f"{KILLED}: {'killed' if ended.killed else 'not reached'}"] += 1
        return []

    def _streamed(self, fault: str) -> list[str]:
        """Lose the store under a stream, which must catch up by itself."""
        made = self.made
        until = Path(made.environment["WATERMAIN_DATA_DIR"]) / f"until-{uuid4().hex}"
        order = self._hasty(made.order("stream"))
        order = replace(order, given={**order.given, "until": str(until)})
        before = self.relay.struck
        self.relay.lose(fault, METHODS.get(fault, ""))
        worker = crew.Worker(order)
        deadline = time.monotonic() + 20
        while self.relay.struck == before and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(self.chance.uniform(0.0, 3.0))
        made.outside.write(made.random.randint(2, 4))
        self.relay.calm()
        until.touch()
        ended = worker.wait()
        was_struck = self.relay.struck > before
        if ended.reply is None or ended.reply.error:
            return [f"{fault}: the stream ended with {ended.code}: {ended.reply}"]
        self.told[f"{fault}: stream {'went on' if was_struck else 'not reached'}"] += 1
        return []

    def _hasty(self, order: Order) -> Order:
        return replace(order, environment={**order.environment, **HASTE})

    def judged(self, fault: str) -> list[str]:
        """Recover as a retry would; give what is wrong."""
        return [
            f"{fault}: {each}" for each in self.made.judged(self.made.order(*self.made.recovery))
        ]

    def swept(self) -> list[str]:
        """Sweep; give what is left in vain, then what the sweep took that was needed."""
        found = crew.run(self.made.order("sweep")).results["sweep"]
        self.told["orphans swept"] += found["gone"]
        return [f"orphan {path}" for path in found["left"]] + self.judged("after the sweep")


@contextmanager
def stores() -> Iterator[str]:
    """A server of S3's protocol for the block; its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def shore(bench: Bench, address: str, kind: str, seed: int) -> Iterator[Shore]:
    """A world of that kind, its files behind a relay of its own."""
    bucket = f"lake-{uuid4().hex[:12]}"
    S3FileSystem(key=KEY, secret=SECRET, endpoint_url=address, skip_instance_cache=True).mkdir(
        bucket
    )
    with StoreRelay(address) as relay:
        settings = {
            "WATERMAIN_LAKE_PATH": f"s3://{bucket}/files",
            "WATERMAIN_S3_ENDPOINT": relay.address,
            "WATERMAIN_S3_KEY_ID": KEY,
            "WATERMAIN_S3_SECRET": SECRET,
            "WATERMAIN_CONNECT_SECONDS": "5",
            "WATERMAIN_REQUEST_SECONDS": "20",
        }
        with world(bench.systems, bench.folder, seed, kind=kind, settings=settings) as made:
            yield Shore(made, relay, random.Random(seed), Counter())


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Lose the store that many times, in each way in turn, four worlds at a time."""
    sizes = [min(CASES_PER_WORLD, count - done) for done in range(0, count, CASES_PER_WORLD)]

    def live(number: int) -> tuple[Counter[str], float, list[str]]:
        kind = KINDS[number % len(KINDS)]
        with shore(bench, address, kind, seed + number) as found:
            problems = found.judged("before anything broke")
            for case in range(number * CASES_PER_WORLD, number * CASES_PER_WORLD + sizes[number]):
                fault = FAULTS[case % len(FAULTS)]
                problems += found.struck(fault, case // len(FAULTS) + case % len(FAULTS))
                problems += found.judged(fault)
                if problems:
                    break
            problems += found.swept()
            return found.told, found.longest, [f"{kind}: {each}" for each in problems]

    told, longest, problems = Counter[str](), 0.0, list[str]()
    with stores() as address, ThreadPoolExecutor(4) as pool:
        for seen, seconds, wrong in pool.map(live, range(len(sizes))):
            told += seen
            longest = max(longest, seconds)
            problems += wrong
    if longest > LONGEST_SECONDS:
        problems.append(f"a worker waited {longest:.0f} s for the store")
    swept = told.pop("orphans swept", 0)
    figures = {**dict(sorted(told.items())), "orphans swept": swept}
    figures["longest wait of a worker, s"] = round(longest, 1)
    return Outcome(count=told.total(), figures=figures, problems=problems)
