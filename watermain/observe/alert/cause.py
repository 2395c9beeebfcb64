"""Which cause each broken promise belongs to, told from the lineage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.observe.alert.alert import Ailment, Alert


class Lineage:
    """Who reads whom; who owns what; who relies on it.

    Shapes: `inputs` maps a dataset to those that it reads.
    Guarantees: a circle ends nowhere and is walked once.
    """

    def __init__(
        self,
        inputs: Mapping[DatasetName, Iterable[DatasetName]],
        owners: Mapping[DatasetName, str] | None = None,
        consumers: Mapping[DatasetName, Sequence[str]] | None = None,
    ) -> None:
        self._inputs = {name: tuple(read) for name, read in inputs.items()}
        readers: dict[DatasetName, list[DatasetName]] = defaultdict(list)
        for name, read in self._inputs.items():
            for each in read:
                readers[each].append(name)
        self._readers, self.owners, self._consumers = readers, owners or {}, consumers or {}
        self._above: dict[DatasetName, frozenset[DatasetName]] = {}
        self._below: dict[DatasetName, frozenset[DatasetName]] = {}

    def above(self, name: DatasetName) -> frozenset[DatasetName]:
        """Everything that it is computed from."""
        return self._above.setdefault(name, _walked(name, self._inputs))

    def below(self, name: DatasetName) -> frozenset[DatasetName]:
        """Everything that is computed from it."""
        if name not in self._below:
            self._below[name] = _walked(name, self._readers)
        return self._below[name]

    def readers(self, name: DatasetName) -> tuple[str, ...]:
        """Who relies on a dataset or on anything below it."""
        reached = (name, *sorted(self.below(name)))
        return tuple(
            dict.fromkeys(who for each in reached for who in self._consumers.get(each, ()))
        )


def _walked(
    name: DatasetName, edges: Mapping[DatasetName, Sequence[DatasetName]]
) -> frozenset[DatasetName]:
    found, waiting = set[DatasetName](), list(edges.get(name, ()))
    while waiting:
        each = waiting.pop()
        if each not in found and each != name:
            found.add(each)
            waiting += edges.get(each, ())
    return frozenset(found)


def home(signal: Signal, alerts: Sequence[Alert], lineage: Lineage) -> Alert | None:
    """The open alert that explains what is wrong with a dataset; the oldest of several.

    It is one of those that complained, or is computed from one, or the alert's own root is
    computed from it. What only shares a reader with an alert has another cause. What stands alone
    is explained by what was wrong with that dataset in the same way.
    """
    name = signal.dataset
    oldest = sorted(akin(signal, alerts), key=lambda alert: (alert.began_at, alert.cause_id))
    above = lineage.above(name)
    for alert in oldest:
        if name == alert.root or name in alert.members:
            return alert
    if signal.is_alone:
        return None
    for alert in oldest:
        if alert.root in above or above.intersection(alert.members):
            return alert
    for alert in oldest:
        if name in lineage.above(alert.root):
            return alert
    return None


def akin(signal: Signal, alerts: Iterable[Alert]) -> list[Alert]:
    """Alerts of which a signal can be: of what stands alone in the same way, or of neither."""
    alone = signal.promise if signal.is_alone else ""
    return [alert for alert in alerts if alert.alone == alone]


def roots(
    signals: Sequence[Signal], ailments: Sequence[Ailment], lineage: Lineage
) -> dict[DatasetName, list[Signal]]:
    """Signals that no open alert explains, by the dataset that is their cause.

    The cause is the highest dataset upstream that is itself in trouble; of several it is the one
    that was in trouble first. What one run failed at has one cause.
    """
    since = _since(signals, ailments)
    runs = {ailment.dataset: ailment.run for ailment in ailments if ailment.run}
    tops, found = dict[str, DatasetName](), defaultdict[DatasetName, list[Signal]](list)
    for signal in sorted(signals, key=lambda s: (s.at, str(s.dataset), s.promise)):
        ill = {*lineage.above(signal.dataset), signal.dataset} & since.keys()
        highest = [each for each in ill if not lineage.above(each) & ill]
        top = min(highest or ill, key=lambda name: (since[name], str(name)))
        if run := runs.get(top):
            top = tops.setdefault(run, top)
        found[top].append(signal)
    return dict(found)


def _since(signals: Sequence[Signal], ailments: Sequence[Ailment]) -> dict[DatasetName, datetime]:
    found = dict[DatasetName, datetime]()
    told: list[Signal | Ailment] = [*signals, *ailments]
    for each in told:
        found[each.dataset] = min(each.at, found.get(each.dataset, each.at))
    return found
