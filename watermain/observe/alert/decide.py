"""What becomes of alerts after a look, decided without any effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Severity, Signal
from watermain.observe.alert.alert import Alert, Sighting, Telling, TellingKind
from watermain.observe.alert.cause import Lineage, akin, home, roots
from watermain.observe.alert.policy import USUAL, Patience
from watermain.observe.alert.wording import text, title


@dataclass(frozen=True)
class Decided:
    """Alerts as they are after a look, with what people are told now."""

    alerts: tuple[Alert, ...]
    tellings: tuple[Telling, ...]


def decide(
    before: Sequence[Alert], look: Sighting, lineage: Lineage, patience: Patience = USUAL
) -> Decided:
    """Take the alerts that are open, or were lately, one look further.

    Guarantees: the same look decided twice from the same alerts tells the same under the same ids;
    a dataset that could not be judged clears nothing; a window keeps new alerts from people, and
    neither signals from alerts nor repairs from people.
    """
    groups = _grouped(before, look, lineage, patience)
    alerts, tellings = list[Alert](), list[Telling]()
    for alert in groups:
        after, kinds = _stepped(alert, look, patience)
        alerts.append(after)
        tellings += [telling(after, kind, look.at) for kind in kinds]
    return Decided(tuple(alerts), tuple(tellings))


def acknowledged(alert: Alert, by: str, until: datetime) -> Alert:
    """An alert that somebody has taken on; nobody else is told of it before `until`."""
    return replace(alert, state="acknowledged", acknowledged_by=by, acknowledged_until=until)


def telling(alert: Alert, kind: TellingKind, at: datetime) -> Telling:
    """What is told of an alert."""
    number = {"reminder": f".{alert.reminders}", "escalated": f".{alert.level}"}.get(kind, "")
    return Telling(
        id=f"{alert.cause_id}/{kind}/{alert.openings}{number}",
        kind=kind,
        cause_id=alert.cause_id,
        severity=alert.severity,
        owner=alert.owner,
        level=alert.level,
        title=title(alert, kind),
        text=text(alert, kind, at),
        at=at,
        began_at=alert.began_at,
        levels=alert.told,
    )


def _grouped(
    before: Sequence[Alert], look: Sighting, lineage: Lineage, patience: Patience
) -> list[Alert]:
    """Every alert with the signals of this look: those that stand, those reopened, new ones."""
    opened = [alert for alert in before if alert.is_open]
    lately = [
        a for a in before if a.resolved_at and look.at - a.resolved_at < patience.reopen_within
    ]
    found: dict[str, list[Signal]] = {alert.cause_id: [] for alert in opened}
    known = {alert.cause_id: alert for alert in (*opened, *lately)}
    left = list[Signal]()
    for signal in look.signals:
        owner = home(signal, opened, lineage)
        again = (a for a in akin(signal, lately) if signal.dataset in (a.root, *a.members))
        owner = owner or next(again, None)
        if owner is None:
            left.append(signal)
        else:
            found.setdefault(owner.cause_id, []).append(signal)
    joined = [_seen(known[key], signals, look, lineage) for key, signals in found.items()]
    shared = [signal for signal in left if not signal.is_alone]
    new = [
        _begun(root, signals, look, lineage)
        for root, signals in roots(shared, look.ailments, lineage).items()
    ]
    return joined + new + [_begun(s.dataset, [s], look, lineage) for s in left if s.is_alone]


def _begun(root: DatasetName, signals: list[Signal], look: Sighting, lineage: Lineage) -> Alert:
    alone = signals[0].promise if signals[0].is_alone else ""
    alert = Alert(
        cause_id=f"{root}@{look.at:%Y%m%dT%H%M%S.%fZ}" + (f"/{alone}" if alone else ""),
        alone=alone,
        root=root,
        severity="ticket",
        owner=lineage.owners.get(root, ""),
        began_at=look.at,
        pending_since=_wrong_since(signals, look),
        signals=(),
        members=(),
    )
    return _seen(alert, signals, look, lineage)


def _seen(alert: Alert, signals: list[Signal], look: Sighting, lineage: Lineage) -> Alert:
    """An alert that knows what this look saw of it."""
    if not signals:
        if any(name in look.unmeasured for name in alert.members):
            return replace(alert, absent_since=None)
        since = alert.absent_since
        return replace(alert, absent_since=look.at if since is None else min(since, look.at))
    if not alert.is_open:
        alert = replace(
            alert,
            state="pending",
            openings=alert.openings + alert.is_told,
            pending_since=_wrong_since(signals, look),
            resolved_at=None,
            fired_at=None,
            level=0,
            told=(),
            reminders=0,
            acknowledged_until=None,
        )
    if look.at < alert.pending_since:  # a clock that was set back
        alert = replace(alert, pending_since=look.at)
    names = {signal.dataset for signal in signals}
    higher = sorted(
        names & lineage.above(alert.root), key=lambda n: (len(lineage.above(n)), str(n))
    )
    root = higher[0] if higher else alert.root
    severity: Severity = "page" if "page" in {s.severity for s in signals} else alert.severity
    return replace(
        alert,
        root=root,
        severity=severity,
        signals=tuple(sorted(signals, key=lambda s: (s.severity, str(s.dataset), s.promise))),
        members=tuple(sorted(names | set(alert.members))),
        affected=tuple(sorted(lineage.below(root))),
        consumers=lineage.readers(root),
        absent_since=None,
    )


def _wrong_since(signals: Sequence[Signal], look: Sighting) -> datetime:
    """Since when it is known to be wrong: of what is late, since it was looked for in vain."""
    return min((*(s.at for s in signals if s.due_at is None), look.at))


def _stepped(alert: Alert, look: Sighting, patience: Patience) -> tuple[Alert, list[TellingKind]]:
    """One alert, moved on by the time that has passed."""
    if alert.absent_since is not None:
        if look.at - alert.absent_since >= patience.clear_after:
            return _resolved(alert, look)
        return alert, []
    if alert.state == "pending":
        return _fired(alert, look, patience)
    return _standing(alert, look, patience)


def _standing(alert: Alert, look: Sighting, patience: Patience) -> tuple[Alert, list[TellingKind]]:
    """One alert that people know of, and that is not over."""
    until = alert.acknowledged_until
    if alert.state == "acknowledged" and until is not None and look.at >= until:
        alert = replace(alert, state="firing", acknowledged_until=None)
    if (alert.severity, 0) not in alert.told:
        return _told(replace(alert, reminded_at=look.at), 0), ["raised"]
    level = patience.level(alert, look.at)
    if level > alert.level:
        return _told(replace(alert, level=level, reminded_at=look.at), level), ["escalated"]
    if patience.is_reminded(alert, look.at):
        return replace(alert, reminded_at=look.at, reminders=alert.reminders + 1), ["reminder"]
    return alert, []


def _fired(alert: Alert, look: Sighting, patience: Patience) -> tuple[Alert, list[TellingKind]]:
    names = (alert.root, *(signal.dataset for signal in alert.signals))
    held = next((w for n in names for w in look.windows if w.holds(n, look.at)), None)
    alert = replace(alert, held_by=held.name if held else "")
    if held or look.at - alert.pending_since < patience.hold(alert):
        return alert, []
    fired = replace(alert, state="firing", fired_at=look.at, reminded_at=look.at)
    return _told(fired, 0), ["fired"]


def _told(alert: Alert, level: int) -> Alert:
    return replace(alert, told=(*alert.told, (alert.severity, level)))


def _resolved(alert: Alert, look: Sighting) -> tuple[Alert, list[TellingKind]]:
    since = alert.absent_since or look.at
    proofs = [f"{n}: {look.proofs[n]}" for n in alert.members if n in look.proofs]
    proof = "; ".join(proofs) or f"every promise of it is kept again since {since:%H:%M:%S} UTC"
    after = replace(alert, state="resolved", resolved_at=since, proof=proof, held_by="")
    return after, ["fixed"] if alert.is_told else []
