"""What a person reads of an alert at three in the morning."""

from __future__ import annotations

from datetime import datetime, timedelta

from watermain.engine.promise.signal import Signal
from watermain.observe.alert.alert import Alert, TellingKind
from watermain.observe.runbook.symptom import command_of, page_of

MOST_NAMES = 500
MOST_SENTENCES = 5
_BEGINS = {"fired": "", "raised": "now a page: ", "escalated": "nobody took it on: "}


def title(alert: Alert, kind: TellingKind) -> str:
    """One line: how bad, of which dataset, which promise."""
    if kind == "fixed":
        return f"[fixed] {alert.root}: well again, {_for(alert, None)} after it began"
    begins = "again: " if kind == "fired" and alert.openings > 1 else _BEGINS.get(kind, "still: ")
    return f"[{alert.severity}] {begins}{alert.root}: {_first(alert).told}"


def text(alert: Alert, kind: TellingKind, at: datetime) -> str:
    """What is broken, whom it reaches, since when, and the first command."""
    lines = [f"began      {alert.began_at:%Y-%m-%d %H:%M:%S} UTC, {_for(alert, at)} ago"]
    if kind == "fixed":
        lines = [f"lasted     {_for(alert, None)}, from {alert.began_at:%Y-%m-%d %H:%M:%S} UTC"]
        lines += [f"well       since {w:%Y-%m-%d %H:%M:%S} UTC"] if (w := alert.resolved_at) else []
        lines += [f"proof      {alert.proof}"]
    else:
        said = [f"{signal.dataset}: {signal.told} ({signal.rule})" for signal in alert.signals]
        lines += [f"broken     {each}" for each in said[:MOST_SENTENCES]]
        more = len(said) - MOST_SENTENCES
        lines += [f"           {more} more"] if more > 0 else []
        lines += _promise(_first(alert), at)
    lines += [f"owner      {alert.owner}"] if alert.owner else []
    lines += [f"reaches    {_named(alert)}"] if alert.affected else []
    lines += [f"read by    {', '.join(alert.consumers)}"] if alert.consumers else []
    if kind != "fixed":
        key = next((s.partitions[-1] for s in alert.signals if _names(s, alert)), "")
        lines += [f"first      watermain explain {alert.root} {key}".rstrip()]
        promise = _first(alert).promise
        lines += [f"runbook    docs/runbooks/{page_of(promise)}.md"]
        lines += [f"go on      {command_of(promise, alert.root, key)}"]
        lines += [f"take it    watermain alert ack {alert.cause_id}"]
    return "\n".join(lines)


def _first(alert: Alert) -> Signal:
    """The signal that says most of its cause."""
    return next((s for s in alert.signals if s.dataset == alert.root), alert.signals[0])


def _names(signal: Signal, alert: Alert) -> bool:
    return bool(signal.dataset == alert.root and signal.partitions)


def _promise(signal: Signal, at: datetime) -> list[str]:
    """What was promised, by how much it is late, how many more misses it has room for."""
    lines = [f"promise    {signal.words}"] if signal.words else []
    if signal.due_at is not None and signal.partitions:
        due = f"{signal.partitions[-1]} was due {signal.due_at:%Y-%m-%d %H:%M:%S} UTC"
        lines += [f"late       {due}, {_span(at - signal.due_at)} ago"]
    if signal.left is not None:
        over = f"{-signal.left} more than promised were missed"
        lines += [
            f"budget     {f'{signal.left} may still be missed' if signal.left >= 0 else over}"
        ]
    return lines


def _named(alert: Alert) -> str:
    names = [str(name) for name in alert.affected]
    more = f", {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    word = "dataset" if len(names) == 1 else "datasets"
    return f"{len(names)} {word}: {', '.join(names[:MOST_NAMES])}{more}"


def _for(alert: Alert, at: datetime | None) -> str:
    lasted = alert.lasted if at is None or alert.lasted else at - alert.began_at
    return _span(lasted or timedelta(0))


def _span(lasted: timedelta) -> str:
    seconds = int(lasted.total_seconds())
    minutes = seconds // 60
    if minutes < 1:
        return f"{seconds} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
