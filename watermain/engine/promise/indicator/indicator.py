"""The indicators of a dataset in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["events", "minutes", "gauge", "each"]


@dataclass(frozen=True)
class Indicator:
    """One thing that is measured of a dataset.

    Shapes: `number` is that of the guide of data engineering. `kind` says how a promise about it is
    judged: by events of which a share is good, by minutes that are good, as a gauge beside a target
    that never wakes anybody, or each time it happens, without a budget. `computed` names the
    function that computes it, as `module.function` of this folder.
    """

    number: str
    name: str
    definition: str
    unit: str
    source: str
    window: str
    kind: Kind
    computed: str


@dataclass(frozen=True)
class Ratio:
    """A part of a whole, both counted.

    Units: `part` and `whole` are in the unit of the indicator's events.
    """

    part: float
    whole: float

    @property
    def share(self) -> float | None:
        """The part as a share of 1; None of nothing, which is neither good nor bad."""
        return self.part / self.whole if self.whole else None


INDICATORS = (
    Indicator(
        "M1",
        "on_time",
        "partitions that were there when they were due, of those judged",
        "share of partitions",
        "the book of verdicts",
        "the objective's",
        "events",
        "promptness.on_time",
    ),
    Indicator(
        "M1",
        "fresh_minutes",
        "minutes in promised hours in which the newest due partition was there",
        "minutes",
        "the book of verdicts",
        "the objective's",
        "minutes",
        "promptness.fresh_minutes",
    ),
    Indicator(
        "M2",
        "completeness",
        "rows that are there, up to those that are known to be due, of these",
        "share of rows",
        "the ledger of captures, else the volume baseline",
        "the partition",
        "events",
        "content.completeness",
    ),
    Indicator(
        "M3",
        "correctness",
        "checks that no row broke, by their weight, of those that ran",
        "share of checks",
        "the ledger of publishes",
        "the objective's",
        "events",
        "content.correctness",
    ),
    Indicator(
        "M4",
        "lag",
        "time since the event up to which the slowest stream was captured",
        "seconds",
        "the ledger of captures",
        "now",
        "minutes",
        "promptness.lag",
    ),
    Indicator(
        "M5",
        "error_rate",
        "tries of partitions that failed, each retry for itself, of those that ended",
        "share of tries",
        "what was tried of partitions",
        "the last version asked for of each partition",
        "events",
        "work.error_rate",
    ),
    Indicator(
        "M6",
        "duplicate_rate",
        "rows read whose key stood in raw already, of those read",
        "share of rows",
        "the ledger of captures",
        "the objective's",
        "events",
        "content.duplicate_rate",
    ),
    Indicator(
        "M7",
        "cost_per_gb",
        "cost of computing and of keeping, by the bytes published",
        "the prices' currency per 10^9 bytes",
        "the ledger of publishes, declared prices",
        "a month",
        "gauge",
        "work.cost_per_gb",
    ),
    Indicator(
        "M8",
        "query_latency",
        "time until the last row of an answer, within which half and 95% of questions stayed",
        "seconds",
        "the log of questions",
        "a day",
        "minutes",
        "access.query_latency",
    ),
    Indicator(
        "M9",
        "backlog",
        "what waits at the source in the finest unit that it knows",
        "rows, files or bytes",
        "the source, when asked",
        "now",
        "minutes",
        "work.backlog",
    ),
    Indicator(
        "M10",
        "schema_compatibility",
        "changes of a contract that broke no consumer, of all changes",
        "share of changes",
        "the released contracts",
        "all releases",
        "each",
        "change.compatibility",
    ),
    Indicator(
        "M11",
        "breaches",
        "promises that were missed in a window, of those with one",
        "promises",
        "the book of verdicts",
        "the objective's",
        "gauge",
        "change.breaches",
    ),
    Indicator(
        "M12",
        "repair_time",
        "mean time from a verdict of bad to the partition's commit",
        "seconds",
        "the book of verdicts",
        "the objective's",
        "gauge",
        "promptness.repair_time",
    ),
    Indicator(
        "M13",
        "lineage_coverage",
        "datasets of which it is declared where they come from, of all",
        "share of datasets",
        "declarations",
        "now",
        "gauge",
        "change.lineage_coverage",
    ),
    Indicator(
        "M14",
        "votes",
        "mean vote of whoever voted, one a person, with how many they were",
        "score from 1 to 5",
        "the votes of consumers",
        "90 days",
        "gauge",
        "opinion.votes",
    ),
    Indicator(
        "M15",
        "audit_failures",
        "access that was refused, each time counted",
        "refusals",
        "the log of audits",
        "a window that is named",
        "each",
        "access.audit_failures",
    ),
)
