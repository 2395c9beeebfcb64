"""The budget of a promise as a plot of characters."""

from __future__ import annotations

from watermain.engine.promise.budget import PromiseStatus

MARKS = {"good": "·", "bad": "x", "excused": "-", "unknown": "?", None: "?"}
LEGEND = "· in time  x missed  - excused  ? not measured"
MOST_ROWS = 8


def budget_lines(status: PromiseStatus, width: int) -> list[str]:
    """What was left of the budget after each partition, with what was judged of it beneath.

    Shapes: a column is a partition, or the last of several where they are more than `width`; a
    row is one miss, or several where more than eight are allowed.
    """
    if not status.days:
        return ["nothing was due yet"]
    left, found = status.allowed, []
    for each, state in status.days:
        left -= state == "bad"
        found.append((each.partition, state, left))
    step = -(-len(found) // max(1, width))
    columns = [found[min(n + step, len(found)) - 1] for n in range(0, len(found), step)]
    worst = [
        "bad" if any(s == "bad" for _, s, _ in found[n : n + step]) else found[n][1]
        for n in range(0, len(found), step)
    ]
    unit = -(-max(1, status.allowed) // MOST_ROWS)
    lines = []
    for level in range(status.allowed, 0, -unit):
        bars = "".join("█" if left >= level else " " for _, _, left in columns)
        lines.append(f"{level:>4} │{bars}".rstrip())
    lines.append(f"   0 └{'─' * len(columns)}")
    lines.append(f"      {''.join(MARKS[state] for state in worst)}")
    lines.append(f"      {found[0][0]} .. {found[-1][0]}")
    return lines
