"""Kills of a process that evaluates alerts, that delivers them."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from tests.faults import crew, pager
from tests.faults.outcome import Bench, Outcome
from tests.watermain.observe.sink import Sink, sink
from watermain.settings import PREFIX

EVALUATE = (
    "alert.after_decided_before_written",
    "alert.after_alerts_before_outbox",
    "alert.before_commit",
    "alert.after_commit_before_deliver",
)
SENT = "deliver.after_sent_before_noted"
DELIVER = ("deliver.after_taken_before_sent", SENT, "deliver.after_noted")
ANYWHEN = "anywhen"
PLACES = (*EVALUATE, *DELIVER, ANYWHEN)
AWAY = 0.2  # of the processes find a service that refuses
MOST_PROCESSES = 40
_CONTEXT = get_context("forkserver")


class Office:
    """One company's alerts, told by processes that die one after another."""

    def __init__(
        self, received: Sink, environment: dict[str, str], folder: Path, seed: int
    ) -> None:
        self.received, self.environment, self.seed = received, environment, seed
        self.done, self.chance = folder / "done", random.Random(seed)
        self.kills = Counter[str]()

    def run(self, place: str = "") -> bool:
        """Let one process go on until it dies at a place; False when it reached the end."""
        settings = dict(self.environment)
        nth = self.chance.randint(1, 6)
        if place not in ("", ANYWHEN):
            settings["WATERMAIN_FAILPOINT"] = f"{place}=kill:{nth}"
        given = (self.received.port, self.seed, self.done)
        process = _CONTEXT.Process(target=crew.under, args=(settings, pager.tell, given))
        process.start()
        if place == ANYWHEN:
            time.sleep(self.chance.uniform(0.05, 0.6))
            process.kill()
        process.join(crew.PATIENCE_SECONDS)
        if process.exitcode == -signal.SIGKILL:
            self.kills[place] += 1
            return True
        assert process.exitcode == 0, f"the process ended with {process.exitcode}"
        return False

    def judged(self) -> list[str]:
        """What is wrong with what arrived, once a process came to the end."""
        ids = Counter(self.received.ids())
        expected = pager.expected(self.seed)
        told = {each for each in ids if not each.startswith("maintenance")}
        wrong = [f"lost: {each}" for each in sorted(expected - told)]
        wrong += [f"made up: {each}" for each in sorted(told - expected)]
        seen = set[tuple[str, str]]()
        again = 0
        for each, (headers, body) in zip(self.received.ids(), self.received.posted, strict=True):
            if (headers["Path"], each) in seen:
                again += 1
                wrong += [f"doubled: {each}"] if "sent before" not in body["message"] else []
            seen.add((headers["Path"], each))
        # Who died between the service's answer and the note of it is repeated once, under its id.
        allowed = self.kills[SENT] + self.kills[ANYWHEN]
        wrong += [f"{again} repeats after {allowed} kills"] if again > allowed else []
        return wrong + self._order()

    def _order(self) -> list[str]:
        first: dict[str, int] = {}
        for number, each in enumerate(self.received.ids()):
            first.setdefault(each, number)
        return [
            f"told over before it began: {each}"
            for each in first
            if "/fixed/" in each and first[each] < first.get(each.replace("fixed", "fired"), 0)
        ]


def lived(bench: Bench, seed: int, wanted: int) -> tuple[Counter[str], list[str]]:
    """Kill in one company until its day is over; give where, with what was wrong."""
    folder = bench.folder / f"office_{seed}"
    folder.mkdir()
    database = bench.database(f"office_{seed}")
    environment = {
        f"{PREFIX}DATA_DIR": str(folder),
        f"{PREFIX}POSTGRES": bench.systems.postgres.dsn(database),
    }
    with sink() as received:
        office = Office(received, environment, folder, seed)
        for _ in range(MOST_PROCESSES):
            if office.kills.total() >= wanted:
                break
            received.status = 503 if office.chance.random() < AWAY else 200
            if not office.run(office.chance.choice(PLACES)):
                break
        # The service is there again: the rest of the day, whole.
        received.status = 200
        (folder / "done").write_text(str(min(int(_text(folder / "done")), pager.LOOKS)))
        office.run()
        return office.kills, office.judged()


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else "0"


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Kill that many times, in one company after another."""
    kills, problems, number = Counter[str](), list[str](), 0
    while kills.total() < count and not problems and number < count:
        seen, wrong = lived(bench, seed + number, count - kills.total())
        kills += seen
        problems += [f"seed {seed + number}: {each}" for each in wrong]
        number += 1
    figures = {"companies": number, **dict(sorted(kills.items()))}
    return Outcome(count=kills.total(), figures=figures, problems=problems)
