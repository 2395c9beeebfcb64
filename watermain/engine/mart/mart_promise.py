"""The promise of a dbt model, as its `meta.watermain.slo` says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

from watermain.declare.errors import quoted
from watermain.declare.promise.days import Days
from watermain.declare.promise.due import Due
from watermain.declare.promise.hours import Hours
from watermain.declare.promise.objective import AtMost, Objective, Share
from watermain.declare.promise.urgency import Urgency
from watermain.declare.slo import Slo
from watermain.engine.mart.node import Node, refuse

PARTS: Mapping[str, frozenset[str]] = {
    "due": frozenset({"cron", "zone", "holidays"}),
    "expected": frozenset({"weekdays", "holidays"}),
    "hours": frozenset({"begin", "end", "weekdays", "holidays", "zone"}),
    "urgency": frozenset({"tier", "severity", "page_on_first_miss"}),
}
WORDS = frozenset(
    {"ready_within_hours", "misses", "of", "target", "over_days", "owner", "consumers", *PARTS}
)


def promise(node: Node, said: Mapping[str, Any] | None) -> Slo | None:
    """The promise of a model; None where it makes none.

    Raises: InvalidDeclarationError.
    """
    if said is None:
        return None
    if set(said) - WORDS or not {"ready_within_hours", "due"} & set(said):
        refuse(node, f"promises {quoted(said)}", f"use {quoted(WORDS)}")
    for part, words in PARTS.items():
        strange = set(said.get(part, {})) - words
        if strange:
            refuse(node, f"says {quoted(strange)} in `slo: {part}`", f"use {quoted(words)}")
    within = said.get("ready_within_hours")
    return Slo(
        ready_within=None if within is None else timedelta(hours=within),
        due=Due(**said["due"]) if "due" in said else None,
        objective=_objective(node, said),
        expected=Days(**said.get("expected", {})),
        hours=_hours(said.get("hours", {})),
        urgency=Urgency(**said.get("urgency", {})),
        owner=said.get("owner", ""),
        consumers=tuple(said.get("consumers", ())),
    )


def _objective(node: Node, said: Mapping[str, Any]) -> Objective | None:
    counted, shared = {"misses", "of"} & set(said), {"target", "over_days"} & set(said)
    if (counted and shared) or len(counted) == 1 or ("over_days" in said and "target" not in said):
        refuse(
            node,
            f"has the objective {quoted(counted | shared)}",
            "give `misses` with `of`, or `target` with `over_days`",
        )
    if counted:
        return AtMost(said["misses"], of=said["of"])
    if shared:
        return Share(said["target"], over=timedelta(days=said.get("over_days", 28)))
    return None


def _hours(said: Mapping[str, Any]) -> Hours:
    days = Days(**{k: v for k, v in said.items() if k in PARTS["expected"]})
    clock = {k: time.fromisoformat(str(said[k])) for k in ("begin", "end") if k in said}
    return Hours(**clock, days=days, zone=said.get("zone", "UTC"))
