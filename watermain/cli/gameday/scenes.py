"""What is done so that something fails, and what so that it is well again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import sleep

from watermain.cli.gameday.failure import Provoked
from watermain.cli.gameday.stage import Stage

HOUR = "%Y-%m-%d-%H:%M"


class Scene:
    """One failure: how it comes about, and how its cause goes.

    Guarantees: it acts as the outside world does, by what it sends or refuses; nothing of the
    platform is told that it is a game.
    """

    def before(self, stage: Stage, number: int) -> None:
        """Bring what was there before anything failed."""

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """Let it fail."""
        raise NotImplementedError

    def mend(self, stage: Stage, number: int) -> None:
        """Let the outside be well again."""
        raise NotImplementedError


def sightings(begin: datetime, count: int, mark: str = "") -> list[tuple[str, str, int]]:
    """Rows of an hour, each with a key of its own."""
    return [
        (f"{mark}{begin:%m%d%H}-{n}", f"{begin + timedelta(seconds=n % 3600):%FT%TZ}", n)
        for n in range(count)
    ]


class LateScene(Scene):
    """A file does not come, and comes after all."""

    def before(self, stage: Stage, number: int) -> None:
        """The hour before was there."""
        hour = stage.hour - timedelta(hours=1)
        stage.send(f"late_{number}-before.csv", sightings(hour, 20))

    def provoke(self, stage: Stage, number: int) -> Provoked:
        """Wait until it is due."""
        due = stage.due_at[number - 1]
        sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        return Provoked(at=due, partition=f"{stage.hour:{HOUR}}")

    def mend(self, stage: Stage, number: int) -> None:
        """The file comes."""
        stage.send(f"late_{number}-late.csv", sightings(stage.hour, 20))


SCENES: dict[str, Scene] = {"F1": LateScene()}
