"""All that was seen in one round, by whoever watches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.observe.alert.alert import Alert, Maintenance, Sighting
from watermain.observe.alert.cause import Lineage
from watermain.observe.looking import ON_TIME, PromiseLooking
from watermain.observe.watch.watching import Watch


class SeenTogether:
    """Join the look at the promises with what watchers have seen.

    Guarantees: a signal that an open alert knows stands until a look could judge its dataset by its
    promise: what was not measured clears nothing, and what was measured to be well clears. What
    nobody watches for any more clears.
    """

    def __init__(self, promises: PromiseLooking, watches: Sequence[Watch] = ()) -> None:
        self._promises, self._watches = promises, watches

    def __call__(
        self, now: datetime, open_: Sequence[Alert], windows: Sequence[Maintenance]
    ) -> tuple[Sighting, Lineage]:
        """What is wrong now; `open_` are the alerts that are not repaired.

        Raises: UnreachableSystemError.
        """
        late = [a for a in open_ if any(s.promise == ON_TIME for s in a.signals)]
        members = {name for alert in late for name in alert.members}
        look, lineage = self._promises(now, members, windows)
        found = [signal for each in self._watches for signal in each.looked.signals]
        found += self._unjudged(open_, [*look.signals, *found], look.unmeasured)
        if not found and not open_:
            return look, lineage
        proofs = {n: p for each in self._watches for n, p in each.looked.proofs.items()}
        joined = replace(
            look, signals=(*look.signals, *found), proofs={**proofs, **dict(look.proofs)}
        )
        return joined, self._promises.lineage()

    def _unjudged(
        self, open_: Sequence[Alert], found: Sequence[Signal], late: Collection[DatasetName]
    ) -> list[Signal]:
        """What open alerts know that no look could judge this time."""
        again = {_pair(signal) for signal in found}
        known = {_pair(s): s for alert in open_ for s in alert.signals}
        return [
            signal
            for pair, signal in known.items()
            if pair not in again and not self._is_judged(signal, late)
        ]

    def _is_judged(self, signal: Signal, late: Collection[DatasetName]) -> bool:
        if signal.promise == ON_TIME:
            return signal.dataset not in late
        of = [w.looked for w in self._watches if signal.promise in w.watching.promises]
        return all(looked.is_judged(signal.promise, signal.dataset) for looked in of)


def _pair(signal: Signal) -> tuple[DatasetName, str]:
    return signal.dataset, signal.promise
