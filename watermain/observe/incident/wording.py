"""What people outside read of an incident, what is kept of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from watermain.observe.alert.cause import Lineage
from watermain.observe.incident.incident import Incident
from watermain.observe.incident.suspect import Suspect

_SAYS = {
    "open": "is wrong or late, and somebody is at it",
    "repaired": "is well again",
    "closed": "is well again, and what happened is closed",
}


def status(incident: Incident, lineage: Lineage, now: datetime) -> str:
    """A few lines for whoever relies on the data: what, since when, what of theirs it reaches."""
    reached = sorted(str(name) for name in lineage.below(incident.dataset))
    lasted = incident.repair_time or now - incident.began_at
    lines = [
        f"{incident.dataset} {_SAYS[incident.state]}.",
        f"What: {incident.title}",
        f"Since: {incident.began_at:%Y-%m-%d %H:%M} UTC, for {span(lasted)}.",
        f"It reaches: {', '.join(reached) or 'nothing else'}.",
    ]
    readers = lineage.readers(incident.dataset)
    lines += [f"Who relies on it: {', '.join(readers)}."] if readers else []
    notes = [entry for entry in incident.entries if entry.kind == "note"]
    lines += [f"Last heard: {notes[-1].text} ({notes[-1].at:%H:%M} UTC)"] if notes else []
    return "\n".join(lines)


def timeline(incident: Incident) -> list[str]:
    """One line for each entry; of an alert's text the first line."""
    return [
        f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.kind:<8}  {entry.by}: {entry.text.splitlines()[0]}"
        for entry in incident.entries
        if entry.text
    ]


def postmortem(
    incident: Incident, lineage: Lineage, found: Sequence[Suspect], now: datetime
) -> str:
    """The file that is filled in after an incident, with all that the timeline knows."""
    repaired = incident.repair_time
    took = f"{span(repaired)} after it began" if repaired is not None else "not yet"
    reached = sorted(str(name) for name in lineage.below(incident.dataset))
    closing = [entry.text for entry in incident.entries if entry.kind == "closed"]
    parts = [
        f"# Incident {incident.number}: {incident.dataset}",
        incident.title,
        "## In figures",
        "\n".join(
            (
                f"- began: {incident.began_at:%Y-%m-%d %H:%M:%S} UTC",
                f"- told as repaired: {took}",
                f"- began {incident.openings} times" if incident.openings > 1 else "- began once",
                f"- severity: {incident.severity}, owner: {incident.owner or 'nobody'}",
            )
        ),
        "## Whom it reached",
        "\n".join(f"- {name}" for name in (*reached, *lineage.readers(incident.dataset)))
        or "Nothing below it.",
        "## Timeline",
        "\n".join(f"- {line}" for line in timeline(incident)),
        "## Suspected causes",
        "\n".join(f"- {each.at:%Y-%m-%d %H:%M:%S} {each.dataset}: {each.what}" for each in found)
        or "The ledger knows of no change before it.",
        "## What keeps it from coming back",
        closing[-1] if closing else "Not closed: no check proves it yet.",
        f"Written {now:%Y-%m-%d %H:%M} UTC.",
    ]
    return "\n\n".join(parts) + "\n"


def span(lasted: timedelta) -> str:
    """A duration as people say it, to the minute."""
    minutes = int(lasted.total_seconds()) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
