"""Writers that sleep past their lease, then try to commit."""

from __future__ import annotations

import random
from collections import Counter

from tests.faults import crew, declared
from tests.faults.orders import Order
from tests.faults.outcome import Bench, Outcome
from tests.faults.stage import Stage

TWINS = [str(twin.name) for twin in declared.twins]
PLACES = (
    "publish.after_stage",
    "publish.after_data_before_commit",
    "publish.before_sync",
    "publish.before_commit",
)


def zombies(
    stage: Stage,
    names: list[str],
    *,
    nth: int,
    place: str = "publish.before_commit",
    defect: str | None = None,
) -> list[str]:
    """Writers fall asleep before their nth commit, another takes over; what becomes of them."""
    stage.environment["WATERMAIN_LEASE_SECONDS"] = "1"
    asleep = [
        stage.start(
            "publish",
            given={"datasets": [name]},
            failpoint=f"{place}=pause:{nth}",
            at="publish",
            defect=defect,
        )
        for name in names
    ]
    assert all(writer.stopped() for writer in asleep)
    taken = stage.run("publish", given={"datasets": names}).results["publish"]
    assert len(taken) == 3 * len(names)
    for writer in asleep:
        writer.resume()
    ended = [writer.wait().reply for writer in asleep]
    return [(reply.error or "committed") if reply else "died" for reply in ended]


def opened(bench: Bench, name: str) -> Stage:
    """A lake with its ledger, one version captured."""
    environment = {
        "WATERMAIN_DATA_DIR": str(bench.folder / name),
        "WATERMAIN_POSTGRES": bench.systems.postgres.dsn(bench.database(name)),
        "WATERMAIN_THREADS": "1",
    }
    crew.run(Order(environment=environment, verbs=("initialize",))).results  # noqa: B018
    stage = Stage(environment)
    stage.arrive()
    return stage


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Put that many writers to sleep, ten beside each other, with few rows or with many."""
    chance, told, problems = random.Random(seed), Counter[str](), list[str]()
    for number in range(0, count, len(TWINS)):
        names = TWINS[: count - number]
        stage = opened(bench, f"zombies_{number}")
        stage.rows = chance.choice((100, 600))
        stage.arrive()
        place = chance.choice(PLACES)
        # The first commit makes the table; what has other places in between is reached once.
        nth = 1 if place in PLACES[:2] else 2
        ends = zombies(stage, names, nth=nth, place=place)
        told.update(ends)
        problems += [f"asleep at {place}: {end}" for end in ends if end != "LostLeaseError"]
        again = stage.run("publish", given={"datasets": names}).results["publish"]
        problems += [f"asleep at {place}: {again} published again"] if again else []
    return Outcome(count=count, figures=dict(told), problems=problems)
