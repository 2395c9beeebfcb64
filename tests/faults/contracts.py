"""Commands on published rows killed at every place, then given again, held against the books."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import crew
from tests.faults.book import DAYS, EARLY, NAMES, RAW, Act, Book, Picture, Rule, Sale
from tests.faults.campaign import ANYWHEN, COMMITTING, PUBLISH, RECOVERING, Tally, p95
from tests.faults.orders import Order
from tests.faults.outcome import Bench, Outcome

QUARANTINE = (
    "quarantine.before_rows",
    "quarantine.after_rows_before_delete",
    "quarantine.after_delete",
)
REPLAY = (
    "replay.after_rows_before_ledger",
    "replay.after_ledger_before_verdicts",
    "replay.after_verdicts_before_commit",
    "replay.after_commit",
)
DISCARD = ("discard.after_verdicts_before_commit",)
PROMOTE = ("promote.after_rows_before_ledger", "promote.after_ledger_before_commit")
ROLLBACK = ("rollback.after_rows_before_ledger", "rollback.after_ledger_before_commit")
CREATE = ("branch.after_copy_before_commit",)
DROP = ("branch.after_forgetting_before_files",)
FAILPOINTS = (*QUARANTINE, *REPLAY, *DISCARD, *PROMOTE, *ROLLBACK, *CREATE, *DROP)
PLACES = {
    "publish": (*PUBLISH, *QUARANTINE, ANYWHEN),
    "replay": (*PUBLISH, *QUARANTINE, ANYWHEN),
    "retype": (*REPLAY, *COMMITTING, ANYWHEN),
    "discard": (*DISCARD, *COMMITTING, ANYWHEN),
    "create": (*CREATE, ANYWHEN),
    "build": (*PUBLISH, *QUARANTINE, ANYWHEN),
    "promote": (*PROMOTE, *COMMITTING, ANYWHEN),
    "drop": (*DROP, ANYWHEN),
    "rollback": (*ROLLBACK, *COMMITTING, ANYWHEN),
}
# These pass some places more than once: two datasets, several partitions.
REPEATED = ("replay", "promote")
KILLS_PER_WORLD, PLACES_PER_WORLD = 25, 11
RECOVERING_SHARE = 0.6
AT_ONCE = 3
IDS = 6  # of each day
CONFLICTS = 0.2


@dataclass
class Till:
    """A lake with the books that say what it must hold; `pictures` are all that may be seen."""

    environment: dict[str, str]
    random: random.Random
    until: Path
    book: Book = field(default_factory=Book)
    pictures: set[Picture] = field(default_factory=set)
    defect: str | None = None
    branches: int = 0
    files: int = 0

    def run(self, *verbs: str, failpoint: str | None = None, **given: object) -> crew.Ended:
        """Do verbs in a process of their own, which `failpoint` may kill during `act`."""
        return self.start(*verbs, failpoint=failpoint, **given).wait()

    def start(self, *verbs: str, failpoint: str | None = None, **given: object) -> crew.Worker:
        """Begin verbs."""
        return crew.Worker(
            Order(
                environment=self.environment,
                verbs=verbs,
                failpoint=failpoint,
                at="act",
                defect=self.defect,
                given=given,
            )
        )

    def note(self, act: Act) -> tuple[str, list[Picture]]:
        """Write a command into the books; give how it must end, what it passes."""
        said, passed = self.book.follow(act)
        self.pictures.update(passed)
        return said, passed

    def script(self, what: str, place: str) -> tuple[Act, ...]:
        """What leads to a command of that sort, with the command itself at the end."""
        chance = self.random
        strict = Rule(0, chance.choice((1, 2)))
        old = [Act(word="drop", branch=name) for name in self.book.branches]
        head = (*old, Act(word="arrive", sales=self.sales()))
        name, other = chance.sample(NAMES, 2)
        publish = Act(word="publish", name=name, rule=strict, days=self.days(place))
        self.branches += what in ("create", "build", "promote", "drop")
        beside = f"b{self.branches}"
        create = Act(word="create", branch=beside)
        built = Act(word="publish", name=name, rule=strict, branch=beside)
        second = Act(word="publish", name=other, rule=Rule(-4, strict.factor), branch=beside)
        moved = Act(word="publish", name=other, rule=Rule(-4, 3 - strict.factor))
        eased = Rule(chance.choice((-4, -4 if place in QUARANTINE else -100)), strict.factor)
        whole = Act(word="publish", name=name, rule=strict)
        snapshot = chance.choice(list(self.book.snapshots) or [0])
        scripts = {
            "publish": (publish,),
            "replay": (whole, Act(word="replay", name=name, rule=eased)),
            "retype": (Act(word="retype"),),
            "discard": (whole, Act(word="discard", name=chance.choice((name, RAW)))),
            "create": (create,),
            "build": (create, built),
            "promote": (
                *(create, built, second),
                *([moved] if chance.random() < CONFLICTS else []),
                Act(word="promote", branch=beside),
            ),
            "drop": (create, built, Act(word="drop", branch=beside)),
            "rollback": (whole, Act(word="rollback", name=name, snapshot=snapshot)),
        }
        return (*head, *scripts[what])

    def sales(self) -> tuple[Sale, ...]:
        """Rows to be published, put aside by a rule or by their type, filtered, or blocked."""
        chance, day = self.random, self.random.choice(DAYS[1:])
        amounts = (*("9", "37", "120") * 3, "0", "-2", "-9", "many")
        found = [
            Sale(f"{on}/{chance.randrange(IDS)}", on, chance.choice(amounts))
            for on in (chance.choice(DAYS) for _ in range(8))
        ]
        found += [Sale(f"{EARLY}/{chance.randrange(IDS)}", EARLY, "41")]
        found += [Sale(f"{day}/{n}", day, amount) for n, amount in ((0, "-2"), (1, "-9"))]
        if chance.random() < CONFLICTS:
            found += [Sale(f"{chance.choice(DAYS[1:])}/2", DAYS[0], "1000")]
            found[-1] = found[-1]._replace(day=found[-1].id[:10])
        return tuple(found)

    def days(self, place: str) -> tuple[str, str]:
        """A few days in a row; all of them where rows must go aside."""
        if place in QUARANTINE:
            return DAYS[0], DAYS[-1]
        first, last = sorted(self.random.choices(DAYS, k=2))
        return first, last

    def strike(self, acts: Sequence[Act], place: str, nth: int = 1) -> bool:
        """Give the last command to a process that dies at the place; False when it does not.

        What leads to it is done in the same process, or in one before where the moment is chance.
        """
        *before, act = acts
        if place != ANYWHEN:
            verbs, failpoint = ("prepare", "act"), f"{place}=kill:{nth}"
            return self.run(*verbs, failpoint=failpoint, acts=before, act=act).killed
        if before:
            self.run("prepare", acts=before).results  # noqa: B018
        worker = self.start("act", act=act)
        time.sleep(self.random.uniform(0.0, 0.4))
        worker.kill()
        return worker.wait().killed

    def judged(
        self, act: Act, expected: tuple[str, list[Picture]], *, struck: bool = True
    ) -> list[str]:
        """Give the command again, as its user would; give what is wrong before, after."""
        ended = self.run("glance", "act", "reckon", act=act)
        if ended.reply is None or ended.reply.error:
            return [f"the retry ended with {ended.code}: {ended.reply and ended.reply.message}"]
        said, passed = expected
        found, done = ended.results["reckon"], ended.results["act"]
        # What the first attempt had made or dropped cannot be made or dropped once more.
        again = {"BranchError"} if struck and act.word in ("create", "drop") else set()
        wrong = [] if done in {said, *again} else [f"the retry said {done!r}, not {said!r}"]
        if ended.results["glance"] not in passed:
            wrong.append(f"between: a reader sees {ended.results['glance']}, not one of {passed}")
        wrong += self.book.differs(found)
        wrong += [
            f"{what}: {found[what]}"
            for what in ("published, yet open", "lost files", "left folders")
            if found[what]
        ]
        self.book.remember(found["snapshot"])
        self.files = found["files"]
        return wrong


@contextmanager
def till(bench: Bench, name: str, seed: int) -> Iterator[Till]:
    """Open a shop with something published, nothing wrong."""
    home = bench.folder / name
    home.mkdir()
    database = f"till_{name}_{seed}"
    environment = {
        "WATERMAIN_DATA_DIR": str(home),
        "WATERMAIN_POSTGRES": bench.systems.postgres.dsn(bench.database(database)),
        "WATERMAIN_THREADS": "1",
        "WATERMAIN_LEASE_SECONDS": "5",
    }
    made = Till(environment, random.Random(seed), home / "enough")
    assert made.run("initialize").results
    first = [Act(word="arrive", sales=made.sales()), Act(word="retype")]
    first += [Act(word="publish", name=name) for name in NAMES]
    for act in first:
        made.note(act)
    assert made.run("prepare", acts=first).results == {"prepare": [""] * len(first)}
    assert made.judged(first[-1], made.note(first[-1])) == []
    yield made


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Kill that many times, a few worlds at a time, each with a reader beside."""
    looks = Counter[str]()
    shares = [min(KILLS_PER_WORLD, count - done) for done in range(0, count, KILLS_PER_WORLD)]
    # Every place comes once before any comes again, whatever world it falls to.
    chance = random.Random(seed)
    every = [(what, place) for what, places in PLACES.items() for place in places]
    due = [each for _ in range(count) for each in chance.sample(every, len(every))]

    def live(number: int) -> Tally:
        tally = Tally(seed)
        with till(bench, f"world_{number}", seed + number) as made:
            reader = made.start("peer", until=str(made.until))
            _kill_many(made, shares[number], due[number * PLACES_PER_WORLD :], tally)
            made.until.touch()
            seen = reader.wait().results["peer"]
            looks["looks of readers"] += sum(seen.values())
            looks["pictures that readers saw"] += len(seen)
            torn = [picture for picture in seen if picture not in made.pictures]
            tally.problems += [f"a reader saw a torn picture: {each}" for each in torn[:3]]
        wrong = f"{tally.kills.total()} kills, {len(tally.problems)} problems"
        print(f"  world {number}: {wrong}", flush=True)  # noqa: T201
        return tally

    total = Tally(seed)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for tally in pool.map(live, range(len(shares))):
            total.add(tally)
    return _outcome(total, looks)


def _outcome(tally: Tally, looks: Counter[str]) -> Outcome:
    return Outcome(
        count=tally.kills.total(),
        figures={
            "while recovering": tally.while_recovering,
            "recovery p95, s": round(p95(tally.recoveries), 1),
            "slowest recovery, s": round(max(tally.recoveries, default=0.0), 1),
            "not reached": tally.survived,
            "data files checked": tally.files,
            **looks,
            **dict(sorted(tally.kills.items())),
        },
        problems=tally.problems,
    )


def _kill_many(made: Till, wanted: int, due: list[tuple[str, str]], tally: Tally) -> None:
    """Kill commands in the order given; three in five kills strike a retry."""
    for what, place in due:
        if tally.kills.total() >= wanted or tally.problems:
            return
        acts = made.script(what, place)
        expected = [made.note(act) for act in acts][-1]
        places, at = list[str](), place
        while True:
            nth = made.random.choice((1, 1, 2)) if what in REPEATED else 1
            if made.strike(acts[-1:] if places else acts, at, nth):
                places.append(f"{what} {at}")
                tally.kills[places[-1] + f" {RECOVERING}" * (len(places) > 1)] += 1
            else:
                tally.survived += 1
                break
            owed = tally.while_recovering < RECOVERING_SHARE * (tally.kills.total() + 1)
            if not owed or tally.kills.total() >= wanted:
                break
            at = made.random.choice(PLACES[what])
        began = time.monotonic()
        wrong = made.judged(acts[-1], expected)
        tally.recoveries.append(time.monotonic() - began)
        tally.files = made.files
        tally.problems += [f"{acts[-1]} killed at {places}: {each}" for each in wrong]


def bitten(bench: Bench, name: str, *, planted: bool = True) -> list[str]:
    """Kill one command where a planted defect hurts; give what is said of it."""
    what, place, nth = PLANTS[name]
    with till(bench, f"{name}_{planted}", 7) as made:
        made.defect = name if planted else None
        acts = made.script(what, place)
        expected = [made.note(act) for act in acts][-1]
        assert made.strike(acts, place, nth)
        return made.judged(acts[-1], expected)


# A defect: the command that has it, where a kill shows it, at which passing of the place.
PLANTS = {
    "verdicts_after_the_commit": ("retype", "replay.after_commit", 1),
    "promotion_in_pieces": ("promote", "promote.after_rows_before_ledger", 2),
    "rows_aside_left_behind": ("promote", "publish.before_commit", 1),
}
