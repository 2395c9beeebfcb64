"""How each failure comes about on a game day, how its cause goes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import sleep

from watermain.cli.gameday.failure import Provoked
from watermain.cli.gameday.stage import Stage

HOUR = "%Y-%m-%d-%H:%M"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MOST_FILES, FILES_APART = 2400, 1 / 3  # seconds: more than any look finds worked off
REFUSED = 5  # as often as makes it more than a slip
PAPERS = "paper_id,stamped_at,duty"


class Scene:
    """One failure: how it comes about, and how its cause goes.

    Guarantees: it acts as the outside world does, by what it sends or refuses; nothing of the
    platform is told that it is a game.
    """

    def before(self, stage: Stage, number: int) -> None:
        """Bring what was there before anything failed."""

    def ready(self, stage: Stage, number: int) -> None:
        """Do what needs a platform that runs, before anything fails."""

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """Let it fail."""
        raise NotImplementedError

    def mend(self, stage: Stage, number: int) -> None:
        """Let the outside be well again."""
        raise NotImplementedError


def sightings(begin: datetime, count: int, mark: str = "") -> list[tuple[str, str, int]]:
    """Rows of an hour, each with a key of its own."""
    return [
        (f"{mark}{begin:%m%d%H}-{n}", f"{begin + timedelta(seconds=n % 3600):%FT%TZ}", n % 100)
        for n in range(count)
    ]


class LateScene(Scene):
    """F1: a file does not come, and comes after all."""

    def before(self, stage: Stage, number: int) -> None:
        """The hour before was there."""
        stage.send(f"late_{number}-before.csv", sightings(stage.hour - timedelta(hours=1), 20))

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """Wait until it is due."""
        due = stage.due_at[number - 1]
        sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        return Provoked(at=due, partition=f"{stage.hour:{HOUR}}")

    def mend(self, stage: Stage, number: int) -> None:
        """The file comes."""
        stage.send(f"late_{number}-late.csv", sightings(stage.hour, 20))


class DriftScene(Scene):
    """F2: a column comes that the contract does not know, and it learns it."""

    def before(self, stage: Stage, number: int) -> None:
        """Papers came as agreed."""
        stage.send(f"drifted_{number}-before.csv", papers(stage.hour, "a"), PAPERS)

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """They come with a flag."""
        rows = [(*row, "PA") for row in papers(stage.hour, "b")]
        stage.send(f"drifted_{number}-more.csv", rows, f"{PAPERS},flag")
        return Provoked(at=datetime.now(UTC), partition=f"{stage.hour:%Y-%m-%d}")

    def mend(self, stage: Stage, number: int) -> None:
        """The contract is changed."""
        CUSTOMS.change(stage, "KNOWN", number, is_in=True)


class LossScene(Scene):
    """F3: a day comes with three rows of ten."""

    def before(self, stage: Stage, number: int) -> None:
        """Nine weeks of days came whole."""
        days = [self._day() - DAY * ago for ago in range(63, 0, -1)]
        rows = [row for day in days for row in sightings(day, 200 + day.day % 7)]
        stage.send(f"thinned_{number}-before.csv", rows)

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """The last day that is to be whole is not."""
        stage.send(f"thinned_{number}-few.csv", sightings(self._day(), 60))
        return Provoked(at=datetime.now(UTC), partition=f"{self._day():%Y-%m-%d}")

    def mend(self, stage: Stage, number: int) -> None:
        """The others come."""
        stage.send(f"thinned_{number}-rest.csv", sightings(self._day(), 200)[60:])

    def _day(self) -> datetime:
        """The newest day that is expected to be whole: two hours after its end it is."""
        floor = datetime.now(UTC) - timedelta(hours=2)
        return floor.replace(hour=0, minute=0, second=0, microsecond=0) - DAY


class CostScene(Scene):
    """F4: a table of seconds takes two minutes."""

    def before(self, stage: Stage, number: int) -> None:
        """It was cheap."""
        stage.send(f"dear_{number}-before.csv", sightings(stage.hour - DAY, 20))

    def ready(self, stage: Stage, number: int) -> None:
        """It was cheap in each hour: a platform that is minutes old has no such past."""
        stage.plant(f"harbour.curated.dear_{number}")

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """A row comes that takes 130 s."""
        self._send(stage, number, "dear", 130_000)
        return Provoked(
            at=datetime.now(UTC) + timedelta(seconds=130),
            partition=f"{stage.hour - DAY:%Y-%m-%d}",
        )

    def mend(self, stage: Stage, number: int) -> None:
        """It is taken back."""
        self._send(stage, number, "taken", -130_000)

    def _send(self, stage: Stage, number: int, name: str, weight: int) -> None:
        row = ("dear", f"{stage.hour - DAY:%FT%TZ}", weight)
        stage.send(f"dear_{number}-{name}.csv", [row])


class RepeatScene(Scene):
    """F5: rows come once more."""

    def before(self, stage: Stage, number: int) -> None:
        """They came once."""
        stage.send(f"doubled_{number}-before.csv", sightings(stage.hour, 100))

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """Most of them come again, in a file that is another."""
        stage.send(f"doubled_{number}-again.csv", sightings(stage.hour, 100)[:60])
        return Provoked(at=datetime.now(UTC), partition=f"{stage.hour:%Y-%m-%d}")

    def mend(self, stage: Stage, number: int) -> None:
        """Many new ones come."""
        stage.send(f"doubled_{number}-new.csv", sightings(stage.hour, 3000, "new"))


class BacklogScene(Scene):
    """F6: what comes has waited long, for as long as the line is slow."""

    def __init__(self) -> None:
        self._over = dict[int, threading.Event]()

    def before(self, stage: Stage, number: int) -> None:
        """Something came in time."""
        stage.send(f"piled_{number}-before.csv", sightings(stage.hour, 20))

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """Files begin to come that were written eleven minutes ago."""
        self._over[number] = threading.Event()
        words = (stage, number, self._over[number])
        threading.Thread(target=self._send, args=words, daemon=True).start()
        return Provoked(at=datetime.now(UTC))

    def mend(self, stage: Stage, number: int) -> None:
        """The line is quick again, and nothing waits there."""
        self._over[number].set()

    def _send(self, stage: Stage, number: int, over: threading.Event) -> None:
        for file in range(MOST_FILES):
            rows = sightings(stage.hour, 5, f"{file}-")
            stage.send(f"piled_{number}-{file}.csv", rows, ago=11 * MINUTE)
            if over.wait(FILES_APART):
                return


class AccessScene(Scene):
    """F7: somebody wants what people may not read."""

    def before(self, stage: Stage, number: int) -> None:
        """There is something to read."""
        stage.send(f"asked_{number}-before.csv", sightings(stage.hour, 20))

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """They ask again and again."""
        asked = f"select * from harbour.raw.asked_{number}"
        for _ in range(REFUSED):
            stage.run("sql", asked, "--unmask", " ")
        return Provoked(at=stage.refused_at(f"harbour.raw.asked_{number}"))

    def mend(self, stage: Stage, number: int) -> None:
        """They stop."""


class SkewScene(Scene):
    """F8: one hour takes far longer than the others."""

    def before(self, stage: Stage, number: int) -> None:
        """Twelve hours took no time."""
        hours = [stage.hour - timedelta(hours=ago) for ago in range(12, 0, -1)]
        stage.send(f"heavy_{number}-before.csv", [r for h in hours for r in sightings(h, 5)])

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """The last one gets a ship that takes 35 s."""
        row = ("heavy", f"{stage.hour:%FT%TZ}", 35_000)
        stage.send(f"heavy_{number}-heavy.csv", [row])
        at = datetime.now(UTC) + timedelta(seconds=35)
        return Provoked(at=at, partition=f"{stage.hour:{HOUR}}")

    def mend(self, stage: Stage, number: int) -> None:
        """It is taken back."""
        row = ("heavy", f"{stage.hour:%FT%TZ}", -35_000)
        stage.send(f"heavy_{number}-taken.csv", [row])


class ContractScene(Scene):
    """F9: a released contract loses a column."""

    def before(self, stage: Stage, number: int) -> None:
        """Papers came as agreed."""
        stage.send(f"agreed_{number}-before.csv", papers(stage.hour, "a"), PAPERS)

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """The room is changed."""
        CUSTOMS.change(stage, "BROKEN", number, is_in=True)
        return Provoked(at=datetime.now(UTC), partition=f"{stage.hour:%Y-%m-%d}")

    def mend(self, stage: Stage, number: int) -> None:
        """It is changed back."""
        CUSTOMS.change(stage, "BROKEN", number, is_in=False)


class SecretScene(Scene):
    """F10: a token is no longer taken."""

    def before(self, stage: Stage, number: int) -> None:
        """Both sides know the first one."""
        self._give(stage, number, "first")
        stage.tides.tokens[f"/v1/tides/{number}"] = "first"

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """The service wants another."""
        stage.tides.tokens[f"/v1/tides/{number}"] = "second"
        return Provoked(at=datetime.now(UTC), partition=f"{stage.hour:{HOUR}}")

    def mend(self, stage: Stage, number: int) -> None:
        """It is rotated."""
        self._give(stage, number, "second")

    def _give(self, stage: Stage, number: int, token: str) -> None:
        folder = stage.home / "secrets"
        for each in (stage.home, folder):
            each.mkdir(mode=0o700, exist_ok=True)
        hidden = folder / f".tides_{number}"
        hidden.write_text(token)
        hidden.chmod(0o600)
        hidden.rename(folder / f"tides_{number}")


class CustomsPlan:
    """The file by which the room of team customs changes; one change at a time."""

    def __init__(self) -> None:
        self._lock, self._said = threading.Lock(), dict[str, set[int]]()

    def change(self, stage: Stage, name: str, number: int, *, is_in: bool) -> None:
        """Put a number into a list of the plan, or take it out."""
        with self._lock:
            some = self._said.setdefault(name, set())
            (some.add if is_in else some.discard)(number)
            stage.plan_customs(self._said)


CUSTOMS = CustomsPlan()
SCENES: dict[str, Scene] = {
    "F1": LateScene(),
    "F2": DriftScene(),
    "F3": LossScene(),
    "F4": CostScene(),
    "F5": RepeatScene(),
    "F6": BacklogScene(),
    "F7": AccessScene(),
    "F8": SkewScene(),
    "F9": ContractScene(),
    "F10": SecretScene(),
}


def papers(hour: datetime, mark: str) -> Sequence[Sequence[object]]:
    """Papers of an hour."""
    return [(f"{mark}{n}", f"{hour + timedelta(seconds=n):%FT%TZ}", n) for n in range(20)]
