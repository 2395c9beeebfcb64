"""Promises as documents of OpenSLO, version 1."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import yaml

from watermain.declare.promise.objective import AtMost
from watermain.engine.promise.calendar import Promised

VERSION = "openslo/v1"
DAYS_OF = {"hour": 1 / 24, "day": 1.0, "month": 30.4375}
SOURCE, MINUTES = "watermain", "Prometheus"
MOST_LETTERS = 63  # of a name, as of a label of DNS


def documents(promises: Iterable[Promised]) -> str:
    """The YAML of promises, a document for each service and two for each promise.

    Guarantees: a partition is an occurrence, good where it was there when it was due; `at most k
    of n` is a target over about as many days as n partitions take, and both numbers are labels. A
    promised minute is a slice of time, good unless the newest partition that was due is missing.
    """
    found = sorted(promises, key=lambda p: str(p.dataset))
    rooms = sorted({p.dataset.team for p in found})
    told = [_service(room) for room in rooms]
    return str(
        yaml.safe_dump_all(
            told + [slo for p in found for slo in (_on_time(p), _fresh(p))],
            sort_keys=False,
            allow_unicode=True,
            width=96,
        )
    )


def _service(room: str) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": "Service",
        "metadata": {"name": _name(room), "displayName": _shown(room)},
        "spec": {"description": f"the datasets of room {room}"},
    }


def _on_time(promised: Promised) -> dict[str, Any]:
    """The promise by its partitions."""
    name = str(promised.dataset)
    return _slo(promised, "on time", "Occurrences", _partitions(name), {})


def _fresh(promised: Promised) -> dict[str, Any]:
    """The promise by its minutes, as Prometheus sees them pass."""
    slices = {"timeSliceTarget": 1, "timeSliceWindow": "1m"}
    return _slo(promised, "fresh", "Timeslices", _minutes(str(promised.dataset)), slices)


def _slo(
    promised: Promised,
    what: str,
    method: str,
    indicator: dict[str, Any],
    slices: dict[str, Any],
) -> dict[str, Any]:
    slo, cadence, name = promised.slo, promised.cadence, str(promised.dataset)
    objective = slo.objective_of(cadence)
    labels = {"tier": str(slo.urgency.tier), "severity": slo.urgency.severity}
    if isinstance(objective, AtMost):
        days = max(1, round(objective.of * DAYS_OF[cadence.unit]))
        labels |= {"misses": str(objective.misses), "partitions": str(objective.of)}
    else:
        days = max(1, -(-objective.over // timedelta(days=1)))
    target = {"displayName": f"ready {slo.when}", "target": round(objective.target, 6)}
    return {
        "apiVersion": VERSION,
        "kind": "SLO",
        "metadata": {
            "name": _name(f"{name}-{what}"),
            "displayName": _shown(f"{name} {what}"),
            "labels": labels,
            "annotations": {"dataset": name, "owner": promised.kept_by}
            | ({"consumers": ", ".join(slo.consumers)} if slo.consumers else {}),
        },
        "spec": {
            "description": slo.told(cadence),
            "service": _name(promised.dataset.team),
            "indicator": indicator,
            "timeWindow": [{"duration": f"{days}d", "isRolling": True}],
            "budgetingMethod": method,
            "objectives": [target | slices],
        },
    }


def _partitions(name: str) -> dict[str, Any]:
    def counted(states: str) -> str:
        return (
            "select count(*) from watermain.verdict_in_force"
            f" where dataset = '{name}' and state in ({states})"
        )

    return _ratio(f"{name}-partitions", SOURCE, counted("'good'"), counted("'good', 'bad'"))


def _minutes(name: str) -> dict[str, Any]:
    """Minutes by the gauge of the exporter, which has no sample where nothing was measured."""
    bad = f'max(watermain_promise_slice_bad{{dataset="{name}"}})'
    return _ratio(f"{name}-minutes", MINUTES, f"1 - {bad}", f"{bad} >= bool 0")


def _ratio(name: str, source: str, good: str, total: str) -> dict[str, Any]:
    def metric(query: str) -> dict[str, Any]:
        return {"metricSource": {"type": source, "spec": {"query": query}}}

    return {
        "metadata": {"name": _name(name)},
        "spec": {"ratioMetric": {"counter": False, "good": metric(good), "total": metric(total)}},
    }


def _shown(text: str) -> str:
    """A name for people, which has to be as short."""
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 3]}..."


def _name(text: str) -> str:
    """A name as OpenSLO wants it: letters, digits and hyphens, no more than a label of DNS has."""
    name = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(name) <= MOST_LETTERS:
        return name
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: MOST_LETTERS - 9].rstrip('-')}-{mark}"
