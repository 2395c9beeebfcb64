"""The words of the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from watermain.declare.wording import lasting, sentence, share, size

# A state is told by its word and by its mark; its colour only repeats that.
MARKS = {
    "met": "✓",
    "burning": "▲",
    "breached": "✕",
    "not measured": "?",
    "no promise": "○",
    "good": "✓",
    "bad": "✕",
    "excused": "/",
    "unknown": "?",
    "page": "✕",
    "ticket": "▲",
    "resolved": "✓",
    "open": "✕",
    "repaired": "▲",
    "closed": "✓",
}
VERDICTS = {"good": "in time", "bad": "missed", "excused": "excused", "unknown": "not measured"}
KINDS = {"burning": "warning", "breached": "wrong", "met": "fine", "good": "fine", "bad": "wrong"}
KINDS |= {"page": "wrong", "ticket": "warning", "open": "wrong", "repaired": "warning"}
KINDS |= {"closed": "fine", "resolved": "fine"}


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago something was, or how long until it is; `never` where it never was."""
    if moment is None:
        return "never"
    if abs(now - moment) < timedelta(seconds=1):
        return "now"
    told = lasting(_coarse(abs(now - moment)))
    return f"{told} ago" if moment <= now else f"in {told}"


def _coarse(length: timedelta) -> timedelta:
    """A length without what nobody wants to know of it: seconds of hours, minutes of days.

    >>> str(_coarse(timedelta(days=3, minutes=59))), str(_coarse(timedelta(hours=1, seconds=9)))
    ('3 days, 0:00:00', '1:00:00')
    """
    for least, unit in ((86_400, 3600), (600, 60), (0, 1)):
        seconds = length.total_seconds()
        if seconds >= least:
            return timedelta(seconds=seconds // unit * unit)
    return length


def instant(moment: datetime | None) -> Markup:
    """An instant with its zone, as an element that machines read, too."""
    if moment is None:
        return Markup("never")
    at = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M:%S}"
    )


def badge(state: str) -> Markup:
    """A state as its mark and its word."""
    kind = KINDS.get(state, "unknown")
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(
        kind, MARKS.get(state, "?"), state
    )


def marks(states: Iterable[str | None]) -> Markup:
    """What was judged of partitions, a mark for each, with their sum in words for a reader."""
    found = [state or "unknown" for state in states]
    counts = {state: found.count(state) for state in dict.fromkeys(found)}
    words = ", ".join(f"{number} {VERDICTS[state]}" for state, number in counts.items())
    shown = Markup("").join(
        Markup('<span class="mark {}">{}</span>').format(state, MARKS[state]) for state in found
    )
    return Markup('<span class="marks" role="img" aria-label="{}">{}</span>').format(
        f"the last {len(found)}, oldest first: {words}" if found else "nothing was due yet",
        shown or escape("nothing was due yet"),
    )


def breaking(name: str) -> Markup:
    """A name that may go on in the next line after each of its parts."""
    return Markup(".<wbr>").join(map(escape, name.split(".")))


def counted(number: int, noun: str) -> str:
    """So many of a thing.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "promise")
    ('1 row', '1,200 rows', '2 promises')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(part: float | None) -> str:
    """A share of one as a percentage with one digit at most; `not measured` where there is none."""
    return "not measured" if part is None else share(round(part, 3))


def seconds(length: float | None) -> str:
    """A number of seconds in words; `not known` for none."""
    return "not known" if length is None else lasting(timedelta(seconds=round(length, 1)))


def rules(failing: str) -> str:
    """The rows that broke a rule, by rule, out of the ledger's JSON object.

    >>> rules('{"between_fee": 1200, "not_null_id": 1}')
    'between_fee 1,200, not_null_id 1'
    """
    return ", ".join(f"{name} {rows:,}" for name, rows in json.loads(failing).items())


FILTERS = {
    "instant": instant,
    "badge": badge,
    "breaking": breaking,
    "marks": marks,
    "counted": counted,
    "percent": percent,
    "seconds": seconds,
    "lasting": lasting,
    "size": size,
    "sentence": sentence,
    "rules": rules,
}
