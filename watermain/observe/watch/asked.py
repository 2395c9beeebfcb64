"""Signals that a process finds which ends when it is done."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from watermain.clock import instant_of, micros
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.observe.alert.stored import signal_facts, signal_of
from watermain.observe.watch.watching import Looked
from watermain.settings import child_environment

LEDGER = "watermain.observe.watch.ledger.look"
LEDGER_PROMISES = frozenset({"completeness", "duplicate_rate", "cost", "skew", "drift"})
CONTRACTS = "watermain.observe.watch.consumers"
CONTRACT_PROMISES = frozenset({"schema_compatibility"})
PATIENCE = timedelta(minutes=5)
ASKING = timedelta(seconds=90)  # of the lake, which costs a second of a core
AGAIN = timedelta(minutes=15)  # though nothing changed: days end, and spans move on


class AskedWatching:
    """Have a module look, in a process of its own, when something has changed.

    Shapes: `module` prints a look as JSON; `changed` gives what is equal as long as nothing has.
    Guarantees: this process imports neither the engine nor what judges rows.
    """

    def __init__(
        self, name: str, module: str, promises: frozenset[str], changed: Callable[[], object]
    ) -> None:
        self.name, self.promises = name, promises
        self._module, self._changed = module, changed
        self._last: tuple[object, datetime, Looked] | None = None

    def look(self, now: datetime) -> Looked:
        """What is wrong now.

        Raises: UnreachableSystemError.
        """
        state = self._changed()
        if self._last is not None:
            known, at, looked = self._last
            if known == state and timedelta(0) <= now - at < AGAIN:
                return looked
        self._last = None
        looked = self._asked(now)
        self._last = (state, now, looked)
        return looked

    def _asked(self, now: datetime) -> Looked:
        try:
            done = subprocess.run(
                [sys.executable, "-m", self._module, str(micros(now))],
                capture_output=True,
                text=True,
                timeout=PATIENCE.total_seconds(),
                env=child_environment(),
                check=True,
            )
            return looked_of(json.loads(done.stdout))
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            is_defect = bool(lines) and lines[0].startswith("Traceback")
            why = lines[-1 if is_defect else 0] if lines else error
            raise UnreachableSystemError(
                f"nothing could be measured: {why}",
                declared=f"python -m {self._module}",
                data="alerts stand as they were; the next round asks again",
                next="watermain doctor",
            ) from error


def asked_at(arguments: list[str]) -> datetime:
    """The instant that a process was asked about."""
    return instant_of(int(arguments[1]))


def looked_facts(looked: Looked) -> dict[str, Any]:
    """A look as JSON can hold it.

    Shapes: of each promise the names of the datasets that were judged, or null for all.
    """
    return {
        "signals": [signal_facts(each) for each in looked.signals],
        "judged": {
            promise: None if names is None else sorted(map(str, names))  # type: ignore[call-overload]
            for promise, names in looked.judged.items()
        },
        "proofs": {str(name): told for name, told in looked.proofs.items()},
    }


def looked_of(facts: dict[str, Any]) -> Looked:
    """The look that JSON holds."""
    return Looked(
        signals=tuple(signal_of(each) for each in facts["signals"]),
        judged={
            promise: None if names is None else frozenset(map(DatasetName.parse, names))
            for promise, names in facts["judged"].items()
        },
        proofs={DatasetName.parse(name): told for name, told in facts["proofs"].items()},
    )
