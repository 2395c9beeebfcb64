"""The campaign in which secrets are rotated while things arrive."""

from __future__ import annotations

import logging
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.guarded import FIRST, KINDS, Guarded, missing
from tests.watermain.source.kinds import Ledger
from watermain import durable
from watermain.credential import LOG
from watermain.declare.errors import ExpiredCredentialError
from watermain.source.protocol import Limit

LIMIT = Limit(rows=50, seconds=1.0)
TRIES = 3
MOST_SECONDS = 60.0  # until something comes that was written after a rotation


class _Heard(logging.Handler):
    """Count the lines of the credential's log by their level; keep their text."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: Counter[str] = Counter()
        self.text: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[record.levelname] += 1
        self.text.append(record.getMessage())


class _Load:
    """Write one thing after another until told to stop."""

    def __init__(self, system: Guarded, chance: random.Random) -> None:
        self.system, self.chance, self.written = system, chance, 0
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._enough.wait(self.chance.random() * 0.02):
            self.system.write(self.written)
            self.written += 1

    def stop(self) -> None:
        """Stop when the thing in hand is written."""
        self._enough.set()
        self._thread.join()


def campaign(count: int, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> dict[str, Any]:
    """Rotate the secret of each kind that often; give what was seen, what was wrong."""
    figures: dict[str, Any] = {}
    problems: list[str] = []
    left_out = [why for why in map(missing, kinds) if why]
    for kind in (each for each in kinds if not missing(each)):
        with tempfile.TemporaryDirectory(prefix="rotations-") as folder:
            system = KINDS[kind](Path(folder) / kind)
            try:
                found, wrong = _rotated(system, count, random.Random(f"{seed} {kind}"))
            finally:
                system.close()
        figures[kind] = found
        problems += [f"{kind}: {each}" for each in wrong]
    done = count * len(figures)
    return {
        "count": done,
        "figures": figures,
        "problems": problems,
        "left_out": "; ".join(left_out),
    }


def _rotated(system: Guarded, count: int, chance: random.Random) -> tuple[dict[str, Any], list]:
    heard, ledger, wrong = _Heard(), Ledger(), []
    LOG.addHandler(heard)
    level, secrets, slowest = LOG.level, [FIRST], 0.0
    LOG.setLevel(logging.INFO)
    ledger.capture(system.open(), LIMIT)
    load = _Load(system, chance)
    try:
        for number in range(count):
            ledger.capture(system.open(), LIMIT)
            secrets.append(f"secret {number} {chance.getrandbits(64):x}")
            system.rotate(secrets[-1])
            wrong += _refused(system, ledger, secrets)
            durable.replace(system.secret, secrets[-1])
            began = time.monotonic()
            while not ledger.capture(system.open(), LIMIT):
                if time.monotonic() - began > MOST_SECONDS:
                    wrong.append(f"rotation {number}: nothing was captured after it")
                    break
            slowest = max(slowest, time.monotonic() - began)
    finally:
        load.stop()
        LOG.removeHandler(heard)
        LOG.setLevel(level)
    system.rotate(secrets[-1])
    for _ in range(2):
        ledger.capture(system.open(), Limit(seconds=20))
    wrong += _judged(ledger, load.written, heard, secrets, count)
    found = {"rotations": count, "rows": load.written, "alerts": heard.lines["ERROR"]}
    return {**found, "slowest_capture_seconds": round(slowest, 2)}, wrong


def _refused(system: Guarded, ledger: Ledger, secrets: list[str]) -> list[str]:
    """Try with the secret of before, several times; each must be told, none may leak."""
    wrong = []
    for _ in range(TRIES):
        try:
            ledger.capture(system.open(), LIMIT)
        except ExpiredCredentialError as error:
            wrong += [f"{each!r} is told: {error}" for each in secrets if each in str(error)]
        else:
            wrong.append("the secret of before is let in")
    return wrong


def _judged(
    ledger: Ledger, written: int, heard: _Heard, secrets: list[str], count: int
) -> list[str]:
    ids = Counter(int(row[0]) for row in ledger.rows("id"))
    wrong = [f"{n} is missing" for n in range(written) if n not in ids][:3]
    wrong += [f"{n} is there {times} times" for n, times in ids.items() if times > 1][:3]
    if heard.lines != Counter(ERROR=count, INFO=count):
        wrong.append(f"{count} rotations were told by {dict(heard.lines)}")
    wrong += ["a secret is in the log" for text in heard.text for s in secrets if s in text]
    return wrong
