"""Promises as documents of OpenSLO, version 1."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import yaml

from watermain.declare.promise.objective import AtMost
from watermain.engine.promise.calendar import Promised

VERSION = "openslo/v1"
DAYS_OF = {"hour": 1 / 24, "day": 1.0, "month": 30.4375}
SOURCE = "watermain"


def documents(promises: Iterable[Promised]) -> str:
    """The YAML of promises, a document for each service and each promise.

    Guarantees: a partition is an occurrence, good where it was there when it was due; `at most k
    of n` is a target over about as many days as n partitions take, and both numbers are labels.
    """
    found = sorted(promises, key=lambda p: str(p.dataset))
    rooms = sorted({p.dataset.team for p in found})
    told = [_service(room) for room in rooms] + [_slo(p) for p in found]
    return str(yaml.safe_dump_all(told, sort_keys=False, allow_unicode=True, width=96))


def _service(room: str) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": "Service",
        "metadata": {"name": _name(room), "displayName": room},
        "spec": {"description": f"the datasets of room {room}"},
    }


def _slo(promised: Promised) -> dict[str, Any]:
    slo, cadence, name = promised.slo, promised.cadence, str(promised.dataset)
    objective = slo.objective_of(cadence)
    labels = {"tier": str(slo.urgency.tier), "severity": slo.urgency.severity}
    if isinstance(objective, AtMost):
        days = max(1, round(objective.of * DAYS_OF[cadence.unit]))
        labels |= {"misses": str(objective.misses), "partitions": str(objective.of)}
    else:
        days = max(1, -(-objective.over // timedelta(days=1)))
    return {
        "apiVersion": VERSION,
        "kind": "SLO",
        "metadata": {
            "name": f"{_name(name)}-on-time",
            "displayName": f"{name} on time",
            "labels": labels,
            "annotations": {"dataset": name, "owner": promised.kept_by}
            | ({"consumers": ", ".join(slo.consumers)} if slo.consumers else {}),
        },
        "spec": {
            "description": slo.told(cadence),
            "service": _name(promised.dataset.team),
            "indicator": _indicator(name),
            "timeWindow": [{"duration": f"{days}d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [
                {"displayName": f"ready {slo.when}", "target": round(objective.target, 6)}
            ],
        },
    }


def _indicator(name: str) -> dict[str, Any]:
    def counted(states: str) -> dict[str, Any]:
        query = (
            "select count(*) from watermain.verdict_in_force"
            f" where dataset = '{name}' and state in ({states})"
        )
        return {"metricSource": {"type": SOURCE, "spec": {"query": query}}}

    return {
        "metadata": {"name": f"{_name(name)}-partitions"},
        "spec": {
            "ratioMetric": {
                "counter": False,
                "good": counted("'good'"),
                "total": counted("'good', 'bad'"),
            }
        },
    }


def _name(text: str) -> str:
    """A name as OpenSLO wants it: letters, digits and hyphens."""
    return text.replace(".", "-").replace("_", "-").lower()
