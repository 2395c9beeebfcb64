"""Signals that a process finds which ends when it is done."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Container
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from watermain.clock import instant_of, micros
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.observe.alert.stored import signal_facts, signal_of
from watermain.observe.child import SilentChildError, asked
from watermain.observe.watch.changes import WatchedState
from watermain.observe.watch.watching import Looked

LEDGER = "watermain.observe.watch.ledger.look"
LEDGER_PROMISES = frozenset({"completeness", "duplicate_rate", "cost", "skew", "drift"})
CONTRACTS = "watermain.observe.watch.consumers"
CONTRACT_PROMISES = frozenset({"schema_compatibility"})
EXPIRY = "watermain.observe.watch.expiry"
EXPIRY_PROMISES = frozenset({"expiry"})
PATIENCE = timedelta(minutes=1)  # people who are to be told of something else wait meanwhile
ASKING = timedelta(minutes=1)  # of the lake, which costs a third of a second of a core
AGAIN = timedelta(minutes=15)  # though nothing changed: days end, and spans move on


Judged = Container[DatasetName] | None


class LookQuestion(NamedTuple):
    """What a process is asked: how it stands at an instant, with what was moved since a snapshot.

    Shapes: without a snapshot it is to look at everything.
    """

    at: datetime
    since: int | None = None


class LookAnswer(NamedTuple):
    """What a process found: in the lake of a snapshot, of those datasets alone that were moved.

    Shapes: `moved` is None where it looked at everything.
    """

    looked: Looked
    snapshot: int | None = None
    moved: frozenset[DatasetName] | None = None

    def after(self, before: Looked) -> Looked:
        """All that is known, where the others stand as they did before."""
        if self.moved is None:
            return self.looked
        moved, fresh = self.moved, self.looked
        stand = [each for each in before.signals if each.dataset not in moved]
        return Looked(
            signals=(*fresh.signals, *stand),
            judged={
                promise: _joined(
                    before.judged.get(promise, ()), fresh.judged.get(promise, ()), moved
                )
                for promise in {*before.judged, *fresh.judged}
            },
            proofs={**before.proofs, **fresh.proofs},
        )


class _Known(NamedTuple):
    """What the last look found, of what state, with when everything was looked at."""

    state: WatchedState
    whole_at: datetime
    looked: Looked


class AskedWatching:
    """Have a module look, in a process of its own, when something has changed.

    Shapes: `module` prints a look as JSON; `changed` gives what is equal as long as nothing has.
    Guarantees: this process imports neither the engine nor what judges rows. Where only the lake
    has gone on, what that moved is looked at and no more, until a quarter of an hour has passed.
    """

    def __init__(
        self, name: str, module: str, promises: frozenset[str], changed: Callable[[], WatchedState]
    ) -> None:
        self.name, self.promises = name, promises
        self._module, self._changed = module, changed
        self._last: _Known | None = None

    def look(self, now: datetime) -> Looked:
        """What is wrong now.

        Raises: UnreachableSystemError.
        """
        state, last = self._changed(), self._last
        is_fresh = last is not None and timedelta(0) <= now - last.whole_at < AGAIN
        if last is not None and is_fresh and last.state == state:
            return last.looked
        self._last, since = None, None
        if last is not None and is_fresh and last.state.other == state.other:
            since = last.state.snapshot
        found = self._asked(LookQuestion(now, since))
        whole_at = now if last is None or found.moved is None else last.whole_at
        looked = found.after(last.looked if last is not None else Looked())
        seen = state if found.snapshot is None else state._replace(snapshot=found.snapshot)
        self._last = _Known(seen, whole_at, looked)
        return looked

    def _asked(self, question: LookQuestion) -> LookAnswer:
        told = {"at": micros(question.at), "since": question.since}
        try:
            return answer_of(asked(self._module, json.dumps(told), PATIENCE))
        except (SilentChildError, ValueError) as error:
            said = getattr(error, "said", "")
            is_defect = said.startswith("Traceback")
            why = said.splitlines()[-1 if is_defect else 0] if said else error
            raise UnreachableSystemError(
                f"nothing could be measured: {why}",
                declared=f"python -m {self._module}",
                data="alerts stand as they were; the next round asks again",
                next="watermain doctor",
            ) from error


def _joined(
    before: Judged, fresh: Judged, moved: frozenset[DatasetName]
) -> frozenset[DatasetName] | None:
    """Who was judged by a promise, where only some were looked at; None for all."""
    if before is None or fresh is None:
        return None
    known = (each for each in cast(Collection[DatasetName], before) if each not in moved)
    return frozenset(known) | frozenset(each for each in moved if each in fresh)


def question_asked() -> LookQuestion:
    """The question that a process is asked on its stdin."""
    told = json.load(sys.stdin)
    return LookQuestion(instant_of(told["at"]), told["since"])


def answer_facts(answer: LookAnswer) -> dict[str, Any]:
    """An answer as JSON can hold it."""
    moved = None if answer.moved is None else sorted(map(str, answer.moved))
    return {"looked": looked_facts(answer.looked), "snapshot": answer.snapshot, "moved": moved}


def answer_of(facts: dict[str, Any]) -> LookAnswer:
    """The answer that JSON holds."""
    moved = facts["moved"]
    return LookAnswer(
        looked_of(facts["looked"]),
        facts["snapshot"],
        None if moved is None else frozenset(map(DatasetName.parse, moved)),
    )


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
