"""The pace is kept by all processes together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.watermain.source.rest.test_rest_source import Time
from watermain.source.rest.pace import MOST_HELD_SECONDS, RequestPace

ROOT = Path(__file__).resolve().parents[4]


def most_within(times: list[float], seconds: float) -> int:
    """The most departures that any stretch of this length holds, its ends included."""
    times = sorted(times)
    return max(
        sum(1 for other in times[at:] if other <= first + seconds) for at, first in enumerate(times)
    )


@pytest.mark.parametrize("rate", [0.5, 1.0, 5.0, 7.0, 50.0])
def test_pace_never_exceeds_the_rate(rate: float, tmp_path: Path) -> None:
    """No second holds more than the rate, no ten seconds hold more than ten times it."""
    clock = Time()
    pace = RequestPace(tmp_path / "pace.json", rate, clock.ticks)
    times = []
    for _ in range(200):
        assert pace.take(1000)
        times.append(clock.at)
    assert most_within(times, 1.0) <= max(1, rate)
    assert most_within(times, 10.0) <= rate * 10
    assert 200 / (times[-1] - times[0]) > rate * 0.95


def test_pace_gives_up_a_turn_that_lies_too_far(tmp_path: Path) -> None:
    """The turn stays free for somebody with more patience."""
    clock = Time()
    pace = RequestPace(tmp_path / "pace.json", 0.1, clock.ticks)
    assert pace.take(0)
    assert not pace.take(5)
    assert not pace.take(5)
    assert clock.slept == 0
    assert pace.take(11)
    assert 10 < clock.slept < 11


def test_pace_holds_everybody(tmp_path: Path) -> None:
    """What one was asked, all keep; the longest wish wins, up to a bound."""
    clock = Time()
    one, other = (RequestPace(tmp_path / "pace.json", 5, clock.ticks) for _ in range(2))
    one.hold(60)
    one.hold(5)
    assert other.held() == pytest.approx(60)
    assert not other.take(59)
    assert other.take(61)
    assert other.held() == 0
    one.hold(10**9)
    assert other.held() == pytest.approx(MOST_HELD_SECONDS)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"boot": "another", "next": 1e18, "held": 1e18}'])
def test_pace_starts_anew_when_its_state_is_unreadable(text: str, tmp_path: Path) -> None:
    """A broken file, or one from before the machine started, holds nobody up."""
    path = tmp_path / "pace.json"
    path.write_text(text)
    assert RequestPace(path, 5, Time().ticks).take(0)


DEPART = """
import sys, time
from pathlib import Path
from watermain.source.rest.pace import RequestPace
pace = RequestPace(Path(sys.argv[1]), 100)
for _ in range(25):
    assert pace.take(60)
    print(time.monotonic(), flush=True)
"""


def test_pace_is_shared_by_processes(tmp_path: Path) -> None:
    """Four workers together depart no faster than one may."""
    command = [sys.executable, "-c", DEPART, str(tmp_path / "pace.json")]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    told = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    found = sorted(float(line) for text in told for line in text.split())
    assert len(found) == 100
    assert (len(found) - 1) / (found[-1] - found[0]) <= 100 * 1.05
