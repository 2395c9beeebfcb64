"""A promise as plain values, which JSON or YAML can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

from watermain.declare.promise.days import Days
from watermain.declare.promise.due import Due
from watermain.declare.promise.hours import Hours
from watermain.declare.promise.objective import AtMost, Objective, Share
from watermain.declare.promise.urgency import Urgency
from watermain.declare.slo import Slo


def plain(slo: Slo) -> dict[str, Any]:
    """A promise as plain values, without what is as usual.

    Guarantees: `promised` gives the same promise back.
    """
    usual = Slo(ready_within=slo.ready_within, due=slo.due)
    words: dict[str, Any] = {}
    if slo.ready_within is not None:
        words["readyWithinSeconds"] = _seconds(slo.ready_within)
    if slo.due is not None:
        words["due"] = vars(slo.due).copy()
    words |= _objective(slo.objective)
    if slo.expected != usual.expected:
        words["expected"] = vars(slo.expected).copy()
    if slo.hours != usual.hours:
        told = {"begin": f"{slo.hours.begin}", "end": f"{slo.hours.end}", "zone": slo.hours.zone}
        words["hours"] = {**told, "days": vars(slo.hours.days).copy()}
    if slo.urgency != usual.urgency:
        words["urgency"] = {
            "tier": slo.urgency.tier,
            "severity": slo.urgency.severity,
            "pageOnFirstMiss": slo.urgency.page_on_first_miss,
        }
    words |= {"owner": slo.owner} if slo.owner else {}
    words |= {"consumers": [*slo.consumers]} if slo.consumers else {}
    return words


def promised(words: Mapping[str, Any]) -> Slo:
    """The promise that plain values tell.

    Raises: InvalidDeclarationError, or KeyError or TypeError where they tell none.
    """
    seconds, due, hours = (words.get(w) for w in ("readyWithinSeconds", "due", "hours"))
    urgency = words.get("urgency", {})
    found = {
        "tier": urgency.get("tier"),
        "severity": urgency.get("severity"),
        "page_on_first_miss": urgency.get("pageOnFirstMiss"),
    }
    return Slo(
        ready_within=None if seconds is None else timedelta(seconds=seconds),
        due=None if due is None else Due(**due),
        objective=_aim(words),
        expected=Days(**words.get("expected", {})),
        hours=Hours() if hours is None else _hours(hours),
        urgency=Urgency(**{k: v for k, v in found.items() if v is not None}),
        owner=words.get("owner", ""),
        consumers=tuple(words.get("consumers", ())),
    )


def _objective(objective: Objective | None) -> dict[str, Any]:
    if objective is None:
        return {}
    if isinstance(objective, AtMost):
        return {"misses": objective.misses, "of": objective.of}
    return {"target": objective.target, "overSeconds": _seconds(objective.over)}


def _aim(words: Mapping[str, Any]) -> Objective | None:
    if "misses" in words:
        return AtMost(words["misses"], of=words["of"])
    if "target" in words:
        return Share(words["target"], over=timedelta(seconds=words["overSeconds"]))
    return None


def _hours(words: Mapping[str, Any]) -> Hours:
    begin, end = time.fromisoformat(words["begin"]), time.fromisoformat(words["end"])
    return Hours(begin=begin, end=end, days=Days(**words["days"]), zone=words["zone"])


def _seconds(span: timedelta) -> int | float:
    exact = span.total_seconds()
    return int(exact) if exact.is_integer() else exact
