"""Which runbook is that of which broken promise."""

from __future__ import annotations

import shlex

PAGES = {
    "on_time": "partitions-are-late",
    "fresh_minutes": "partitions-are-late",
    "completeness": "unusual-volume",
    "drift": "unknown-columns",
    "schema": "unknown-columns",
    "duplicate_rate": "rows-come-again",
    "backlog": "work-piles-up",
    "capture": "a-capture-stands-still",
    "secret": "a-credential-is-refused",
    "expiry": "a-credential-is-refused",
    "cost": "work-costs-too-much",
    "query_cost": "work-costs-too-much",
    "skew": "a-partition-takes-too-long",
    "access": "access-is-refused",
    "schema_compatibility": "a-contract-breaks-its-readers",
    "reader_errors": "a-contract-breaks-its-readers",
}
USUAL = PAGES["on_time"]


def page_of(promise: str) -> str:
    """The name of the runbook for a promise that is broken."""
    return PAGES.get(promise, USUAL)


def command_of(promise: str, dataset: object, partition: str = "") -> str:
    """The command that goes through it, as it is typed."""
    words = ["watermain", "runbook", "run", page_of(promise), "--dataset", str(dataset)]
    return shlex.join([*words, *(["--partition", partition] if partition else [])])
