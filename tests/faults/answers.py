"""Connections cut after a commit, before its answer, each outcome found out."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.faults import crew
from tests.faults.generator import Change, Piece
from tests.faults.oracle import verdict
from tests.faults.orders import Order
from tests.faults.outcome import Bench, Outcome
from tests.faults.proxy import Relay
from tests.watermain.engine.feed import changes
from watermain.lake.lake import UNKNOWN
from watermain.source.protocol import Batch

CASES_PER_LAKE = 10
ROWS = 5
CUTS = ("after", "before", "blind")
AFTERWARDS = ("answers", "answers", "answers", "refuses", "dies")
LOST = "publish.after_lost_answer"
SAYS = {
    "published whole, as snapshot": "committed",
    "nothing was published": "rejected",
    UNKNOWN: "unknown",
}


@dataclass
class Scene:
    """A lake behind a relay, with the batches that were ever offered to it."""

    environment: dict[str, str]
    relay: Relay
    direct: str
    defect: str | None = None
    log: list[Change] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def offer(self) -> None:
        """Let another batch wait at the source."""
        number = len(self.batches)
        pieces = [
            Piece(f"p{n}", 0, n, f"2013-01-0{1 + n % 3} 10:00:00", str(n))
            for n in range(number * ROWS + 1, (number + 1) * ROWS + 1)
        ]
        self.log += [Change("i", piece) for piece in pieces]
        rows = [piece._asdict() for piece in pieces]
        start = str(number) if number else ""
        self.batches.append(changes(rows, start=start, end=str(number + 1)))

    def order(self, *verbs: str, dsn: str, **words: Any) -> Order:
        """An order for a worker that reaches the catalog by a dsn."""
        return Order(
            environment={**self.environment, "WATERMAIN_POSTGRES": dsn},
            verbs=verbs,
            given={"feed": self.batches},
            **words,
        )

    def captured(self) -> int:
        """How many captures the catalog has committed, asked without the relay."""
        with psycopg.connect(self.direct) as connection:
            row = connection.execute(
                "select count(*) from ducklake_snapshot_changes"
                " where commit_message like 'capture %'"
            ).fetchone()
        return int(row[0]) if row else 0

    def judged(self) -> list[str]:
        """Retry without a fault; give what is wrong."""
        ended = crew.run(self.order("capture", "publish", "inspect", dsn=self.direct))
        if ended.reply is None or ended.reply.error:
            return [f"the retry ended with {ended.code}: {ended.reply and ended.reply.message}"]
        return verdict(self.log, ended.results["inspect"])


def cut_once(scene: Scene, cut: Any, afterwards: str) -> tuple[str, list[str]]:
    """Lose the answer to one commit; give the outcome told, what was wrong about it."""
    before = scene.captured()
    scene.offer()
    scene.relay.arm(cut)
    if afterwards == "refuses":
        scene.relay.refuse_after_cut = True
    failpoint = f"{LOST}=kill" if afterwards == "dies" else None
    words = {"failpoint": failpoint, "at": "capture", "defect": scene.defect}
    ended = crew.run(scene.order("capture", dsn=scene.relay.dsn, **words))
    scene.relay.calm()
    committed = scene.captured() > before
    if afterwards == "dies":
        return "died", [] if ended.killed else [f"it was not killed, but ended with {ended.code}"]
    if ended.reply is None or ended.reply.error is None:
        return "none", [f"no error told of the lost answer, it ended with {ended.code}"]
    name, message = ended.error
    told = next((says for words, says in SAYS.items() if words in message), "nothing")
    truth = {"unknown"} if afterwards == "refuses" else {"committed" if committed else "rejected"}
    if name != "UnreachableSystemError" or told not in truth:
        return told, [f"{name} told of {told}, true is {truth}: {message}"]
    return told, []


def campaign(bench: Bench, count: int, seed: int, defect: str | None = None) -> Outcome:
    """Cut that many connections, one lake for every ten, each followed by a retry."""
    chance, told, problems = random.Random(seed), Counter[str](), list[str]()
    for number in range(0, count, CASES_PER_LAKE):
        name = f"answers_{defect or 0}_{number}"  # a world of its own
        direct = bench.systems.postgres.dsn(bench.database(name))
        environment = {
            "WATERMAIN_DATA_DIR": str(bench.folder / name),
            "WATERMAIN_THREADS": "1",
            "WATERMAIN_LEASE_SECONDS": "5",
        }
        with Relay(direct) as relay:
            scene = Scene(environment, relay, direct, defect)
            scene.offer()
            crew.run(scene.order("initialize", dsn=direct)).results  # noqa: B018
            problems += scene.judged()
            for case in range(number, min(number + CASES_PER_LAKE, count)):
                cut, afterwards = CUTS[case % len(CUTS)], chance.choice(AFTERWARDS)
                says, wrong = cut_once(scene, cut, afterwards)
                told[f"{cut}: {says}"] += 1
                wrong += scene.judged()
                problems += [f"case {case}, cut {cut}, then {afterwards}: {w}" for w in wrong]
                if problems:
                    return Outcome(count=case + 1, figures=dict(told), problems=problems)
    return Outcome(count=count, figures=dict(sorted(told.items())), problems=problems)
