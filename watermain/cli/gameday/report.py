"""What came of a game day, as a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from watermain.cli.gameday.failure import FAILURES, Failure, FailureSeen
from watermain.cli.gameday.pager import HeardTelling

COLUMNS = (
    *("", "failure", "times", "detected", "alert", "severity", "owner", "detection, s"),
    *("runbook", "recovery, s", "as expected"),
)
_HEAD = """# Game day

Each failure is provoked on a small platform of its own, with real processes: capture, planner,
evaluator and delivery to a webhook. How that is done tells the [guide](guides/gameday.md). This
page is what `make gameday` wrote on {on}; everything in it comes from what arrived at the webhook
and from the platform's books. Detection is from when something was wrong to the arrival of the
first alert, recovery from its mending to the arrival of the message that it is over. The machine
had {processors} processors, and work for {load:.0f} of them in the last quarter of an hour.

{columns}
"""


def page(seen: Sequence[FailureSeen], others: Sequence[HeardTelling], at: datetime) -> str:
    """The page of a game day."""
    rows = [_row(each, [s for s in seen if s.failure is each]) for each in _played(seen)]
    parts = [_head(at) + "\n".join(rows), _notes(seen)]
    said = [f"- {each.title}" for each in others]
    parts.append("Alerts of what nobody provoked: " + ("none." if not said else ""))
    return "\n\n".join([*parts, *(["\n".join(said)] if said else [])]) + "\n"


def _head(at: datetime) -> str:
    head = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    words = {"processors": os.cpu_count() or 1, "load": os.getloadavg()[2]}
    return _HEAD.format(on=f"{at:%Y-%m-%d}", columns=head, **words)


def strangers(heard: Sequence[HeardTelling], failures: Sequence[Failure]) -> list[HeardTelling]:
    """What was told of datasets that nobody let fail."""
    tables = tuple(f"{each.table}_" for each in failures)
    return [t for t in heard if t.kind == "fired" and not t.dataset.startswith(tables)]


def facts(seen: FailureSeen) -> dict[str, Any]:
    """What came of one failure, for programs."""
    return {
        "failure": seen.failure.code,
        "number": seen.number,
        "dataset": seen.failure.dataset(seen.number),
        "outcome": seen.outcome,
        "wrong": seen.wrong,
        "promise": seen.promise,
        "rule": seen.rule,
        "told": seen.told,
        "severity": seen.severity,
        "owner": seen.owner,
        "detection_seconds": _seconds(seen.detection),
        "recovery_seconds": _seconds(seen.recovery),
        "mitigation": [{"command": words, "exit": code} for words, code in seen.mitigation],
    }


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return sorted(values)[ceil(len(values) * 0.95) - 1]


def _played(seen: Sequence[FailureSeen]) -> list[Failure]:
    played = {each.failure.code for each in seen}
    return [each for code, each in FAILURES.items() if code in played]


def _row(failure: Failure, seen: Sequence[FailureSeen]) -> str:
    found = [s for s in seen if s.told_at is not None]
    good = sum(s.outcome == "as expected" for s in seen)
    cells = (
        failure.code,
        failure.title,
        len(seen),
        len(found),
        _one({f"{s.promise}: {s.rule}" for s in found}),
        _one({s.severity for s in found}),
        _one({s.owner for s in found}),
        _spread([s.detection for s in found]),
        f"[{failure.runbook}](runbooks/{failure.runbook}.md)",
        (failure.stands and "not awaited") or _spread([s.recovery for s in found]),
        f"{good} of {len(seen)}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _notes(seen: Sequence[FailureSeen]) -> str:
    lines = ["What was done, and what was told the first time:"]
    for failure in _played(seen):
        first = next(s for s in seen if s.failure is failure)
        lines.append(
            f"- {failure.code}: {failure.provoked}, and {_told(first)},"
            f" and then {failure.mended}{_ran(first)}."
        )
    wrong = [f"- {s.failure.code} {s.number}: {'; '.join(s.wrong)}" for s in seen if s.wrong]
    if wrong:
        lines += ["", "What was not as it has to be:", *wrong]
    return "\n".join(lines)


def _told(seen: FailureSeen) -> str:
    return f'people were told "{seen.told}"' if seen.told else "nobody was told"


def _ran(seen: FailureSeen) -> str:
    ran = " and ".join(f"`{words}`" for words, _ in seen.mitigation)
    return f", and {ran} was run" if ran else ""


def _one(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"


def _spread(values: Sequence[timedelta | None]) -> str:
    known = [value.total_seconds() for value in values if value is not None]
    if not known:
        return "none"
    middle = sorted(known)[len(known) // 2]
    return f"{middle:.0f}" if len(known) == 1 else f"{middle:.0f}, p95 {p95(known):.0f}"


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else round(value.total_seconds(), 1)
