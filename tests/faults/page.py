"""The written record of the campaigns: a file of results, the page made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.campaigns import CAMPAIGNS
from tests.faults.outcome import Outcome

MARK = "## The latest campaigns\n"


def record(results: Path, name: str, outcome: Outcome, **run: Any) -> None:
    """Replace one campaign's entry in the file of results."""
    held = json.loads(results.read_text()) if results.exists() else {}
    held[name] = {
        **run,
        "count": outcome.count,
        "figures": dict(outcome.figures),
        "problems": outcome.problems,
    }
    ordered = {name: held[name] for name in CAMPAIGNS if name in held}
    results.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def write(page: Path, results: Path) -> None:
    """Replace the page's section of results by what the file holds."""
    text = page.read_text() if page.exists() else ""
    held = json.loads(results.read_text()) if results.exists() else {}
    page.write_text(text.partition(MARK)[0] + MARK + rendered(held))


def rendered(held: Mapping[str, Any]) -> str:
    """The section of results."""
    lines = ["", "| campaign | what broke, what must hold | cases | asked for | problems |"]
    lines += ["|---|---|---|---|---|"]
    for name, campaign in CAMPAIGNS.items():
        ran = held.get(name, {"count": 0, "problems": []})
        wrong = len(ran["problems"])
        lines.append(f"| {name} | {campaign.holds} | {ran['count']} | {campaign.count} | {wrong} |")
    for name, ran in held.items():
        lines += ["", f"### {name}", "", _told(ran), "", "| seen | times |", "|---|---|"]
        lines += [f"| {what} | {figure} |" for what, figure in ran["figures"].items()]
        lines += ["", "```text", *ran["problems"], "```"] if ran["problems"] else []
    return "\n".join([*lines, ""])


def _told(ran: Mapping[str, Any]) -> str:
    count, wrong = ran["count"], len(ran["problems"])
    told = f"{ran['at']}, seed {ran['seed']}, {ran['seconds']:.0f} seconds: {count} cases,"
    bound = f" With 95 % confidence fewer than {300 / count:.1f} % fail." if not wrong else ""
    return f"{told} {wrong} problems.{bound}"
