"""What a person reads of an alert at three in the morning."""

from __future__ import annotations

from datetime import datetime

from watermain.observe.alert.alert import Alert, TellingKind

MOST_NAMES = 500
MOST_SENTENCES = 5
_BEGINS = {"fired": "", "raised": "now a page: ", "escalated": "nobody took it on: "}


def title(alert: Alert, kind: TellingKind) -> str:
    """One line: how bad, of which dataset, which promise."""
    if kind == "fixed":
        return f"[fixed] {alert.root}: well again after {_for(alert, None)}"
    begins = "again: " if kind == "fired" and alert.openings > 1 else _BEGINS.get(kind, "still: ")
    first = next((s for s in alert.signals if s.dataset == alert.root), alert.signals[0])
    return f"[{alert.severity}] {begins}{alert.root}: {first.told}"


def text(alert: Alert, kind: TellingKind, at: datetime) -> str:
    """What is broken, whom it reaches, since when, and the first command."""
    lines = [f"began      {alert.began_at:%Y-%m-%d %H:%M:%S} UTC, {_for(alert, at)} ago"]
    if kind == "fixed":
        lines = [f"lasted     {_for(alert, None)}, from {alert.began_at:%Y-%m-%d %H:%M:%S} UTC"]
        lines += [f"proof      {alert.proof}"]
    else:
        said = [f"{signal.dataset}: {signal.told} ({signal.rule})" for signal in alert.signals]
        lines += [f"broken     {each}" for each in said[:MOST_SENTENCES]]
        more = len(said) - MOST_SENTENCES
        lines += [f"           {more} more"] if more > 0 else []
    lines += [f"owner      {alert.owner}"] if alert.owner else []
    lines += [f"reaches    {_named(alert)}"] if alert.affected else []
    lines += [f"read by    {', '.join(alert.consumers)}"] if alert.consumers else []
    if kind != "fixed":
        key = next((p for s in alert.signals if s.dataset == alert.root for p in s.partitions), "")
        lines += [f"first      watermain explain {alert.root} {key}".rstrip()]
        lines += [f"take it    watermain alert ack {alert.cause_id}"]
    return "\n".join(lines)


def _named(alert: Alert) -> str:
    names = [str(name) for name in alert.affected]
    more = f", {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    word = "dataset" if len(names) == 1 else "datasets"
    return f"{len(names)} {word}: {', '.join(names[:MOST_NAMES])}{more}"


def _for(alert: Alert, at: datetime | None) -> str:
    lasted = alert.lasted if at is None or alert.lasted else at - alert.began_at
    seconds = int(lasted.total_seconds()) if lasted else 0
    minutes = seconds // 60
    if minutes < 1:
        return f"{seconds} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
