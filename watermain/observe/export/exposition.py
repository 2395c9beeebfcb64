"""The page that Prometheus scrapes, as a pure function of figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from watermain.observe.export.figures import AllFigures, PromiseFigures
from watermain.observe.export.folding import folded

MOST_SERIES = 50_000
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LONGEST_LABEL = 120  # letters of an owner's name
_OF = ("dataset",)


def page(figures: AllFigures, most: int = MOST_SERIES) -> bytes:
    """The text of one scrape.

    Guarantees: it has no more series than `most`; what was folded for that is a figure itself.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FiguresCollector(figures, most))
    return generate_latest(registry)


class FiguresCollector(Collector):
    """Tell figures to a registry of Prometheus' own client."""

    def __init__(self, figures: AllFigures, most: int = MOST_SERIES) -> None:
        self._figures, self._most = figures, most

    def collect(self) -> Iterator[Metric]:
        """Every family with its series."""
        kept, left_out = folded(self._figures, self._most)
        told = [*_platform(kept), *_lake(kept), *_captures(kept), *_promises(kept), *_alerts(kept)]
        told = [family for family in told if family.samples]
        yield from told
        yield from _export(kept, sum(len(f.samples) for f in told), left_out)


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"watermain_{name}", says, labels=labels)


def _counter(name: str, says: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"watermain_{name}", says, labels=labels)


def _instant(name: str, says: str, at: datetime | None) -> GaugeMetricFamily:
    family = _gauge(f"{name}_timestamp_seconds", says)
    if at is not None:
        family.add_metric([], at.timestamp())
    return family


def _export(figures: AllFigures, series: int, left_out: int) -> Iterator[Metric]:
    """What the exporter says of itself."""
    yield _instant("export", "When these figures were put together.", figures.at)
    said = "1 for a part of these figures that could not be read and so has no series."
    unread = _gauge("export_unread", said, "part")
    for part in figures.unread:
        unread.add_metric([part], 1)
    yield unread
    own = len(unread.samples) + 3
    for name, says, value in (
        ("export_series", "Series of this page.", series + own),
        ("export_folded_datasets", "Datasets without series, for there are too many.", left_out),
    ):
        family = _gauge(name, says)
        family.add_metric([], value)
        yield family


def _platform(figures: AllFigures) -> Iterator[Metric]:
    services = _gauge("service_up", "1 while a service that should run lives, else 0.", "service")
    for name, lives in sorted(figures.platform.services.items()):
        services.add_metric([name], float(lives))
    yield services
    for name, says, found in (
        ("runs", "Runs of Dagster that have not ended.", figures.platform.runs),
        ("runs_ended_last_hour", "Runs that ended within an hour.", figures.platform.ended),
    ):
        runs = _gauge(name, says, "state")
        for state, count in sorted(found.items()):
            runs.add_metric([state], count)
        yield runs
    said = "When the evaluator last judged all that was due."
    yield _instant("evaluated", said, figures.evaluated_at)
    said = "When the lake's ledger was last asked what was captured or published."
    yield _instant("ledger_asked", said, figures.ledger_at)


def _lake(figures: AllFigures) -> Iterator[Metric]:
    rows = _gauge("lake_rows", "Rows of the live files of a dataset.", *_OF)
    size = _gauge("lake_bytes", "Bytes of the live files of a dataset.", *_OF)
    publishes = _counter("publishes", "Partitions published, each time counted.", *_OF)
    published = _counter("published_rows", "Rows of all publishes.", *_OF)
    weight = _counter("published_bytes", "Bytes of all publishes.", *_OF)
    at = _gauge("published_timestamp_seconds", "When a dataset was last published.", *_OF)
    for each in figures.lake:
        instant = each.published_at.timestamp() if each.published_at else None
        for family, value in (
            (rows, each.rows),
            (size, each.bytes),
            (publishes, each.publishes),
            (published, each.published_rows),
            (weight, each.published_bytes),
            (at, instant),
        ):
            if value is not None:
                family.add_metric([each.dataset], value)
    yield from (rows, size, publishes, published, weight, at)


def _captures(figures: AllFigures) -> Iterator[Metric]:
    batches = _counter("ledger_batches", "Batches in the ledger.", *_OF)
    rows = _counter("ledger_rows_captured", "Rows of these batches that reached raw.", *_OF)
    aside = _counter("ledger_rows_quarantined", "Rows of these batches that were put aside.", *_OF)
    at = _gauge("captured_timestamp_seconds", "When a batch was last committed.", *_OF)
    lag = _gauge("lag_seconds", "Time since the event up to which a dataset is captured.", *_OF)
    for each in figures.captures:
        name = [each.dataset]
        batches.add_metric(name, each.batches)
        rows.add_metric(name, each.rows)
        aside.add_metric(name, each.aside)
        at.add_metric(name, each.committed_at.timestamp())
        if each.reached_at is not None:
            lag.add_metric(name, max(0.0, (figures.at - each.reached_at).total_seconds()))
    yield from (batches, rows, aside, at, lag)


def _promises(figures: AllFigures) -> Iterator[Metric]:
    found = figures.promises
    said = "1 for each promise, with what decides its rules as `group`."
    info = _gauge("promise_info", said, "dataset", "room", "owner", "tier", "severity", "group")
    for each in found:
        room, owner = each.dataset.team, each.owner[:LONGEST_LABEL]
        words = [str(each.dataset), room, owner, str(each.tier), each.severity, each.group]
        info.add_metric(words, 1)
    yield info
    yield from _standing(found)
    yield from _minutes(found)


def _standing(found: Sequence[PromiseFigures]) -> Iterator[Metric]:
    """How promises stand over the windows of their objectives."""
    said = "Partitions that were due in the window of the objective, by verdict."
    partitions = _gauge("promise_partitions", said, "dataset", "verdict")
    late = _gauge("promise_late", "Late ones among the last so many partitions.", "dataset", "last")
    state = _gauge("promise_state", "1 for the state that a promise is in.", "dataset", "state")
    single = [
        (_gauge(f"promise_{name}", says, *_OF), name)
        for name, says in (
            ("objective", "Least share of partitions that is in time."),
            ("allowed", "Partitions that may be late in the window of the objective."),
            ("left", "Partitions that may still be late; below zero, too many were."),
            ("coverage", "Measured share of what was due; below 0.95 nothing is met."),
            ("is_missing", "1 while the newest partition that was due is missing."),
            ("is_promised", "1 within promised hours."),
        )
    ]
    for each in found:
        name = str(each.dataset)
        for verdict, count in each.partitions.items():
            partitions.add_metric([name, verdict], count)
        for last, count in each.late.items():
            late.add_metric([name, str(last)], count)
        state.add_metric([name, each.state], 1)
        for family, figure in single:
            family.add_metric([name], float(getattr(each, figure)))
    yield from (partitions, late, state, *(family for family, _ in single))


def _minutes(found: Sequence[PromiseFigures]) -> Iterator[Metric]:
    """What promises burn, by the minutes of the burn rules' windows."""
    said = "1 in a promised minute in which the newest partition that was due is missing."
    bad = _gauge("promise_slice_bad", said, *_OF)
    said = "Promised minutes of a window."
    scheduled = _gauge("promise_scheduled_minutes", said, "dataset", "window")
    said = "Bad minutes by what the objective allows; 1 uses up the budget in its window."
    burn = _gauge("promise_burn", said, "dataset", "window")
    for each in found:
        name = str(each.dataset)
        if each.is_bad is not None:
            bad.add_metric([name], float(each.is_bad))
        for window, minutes in each.scheduled.items():
            scheduled.add_metric([name, window], minutes)
            burned = each.burn(window)
            if burned is not None:
                burn.add_metric([name, window], burned)
    yield from (bad, scheduled, burn)


def _alerts(figures: AllFigures) -> Iterator[Metric]:
    told = figures.alerts
    open_ = _gauge("alerts", "Alerts that are open.", "state", "severity")
    for (state, severity), count in sorted(told.open.items()):
        open_.add_metric([state, severity], count)
    said = "1 for a dataset that an open alert names, with the cause of the oldest."
    causes = _gauge("alert_cause", said, "dataset", "cause_id")
    for dataset, cause in sorted(told.causes.items()):
        causes.add_metric([dataset, cause], 1)
    waiting = _gauge("outbox_waiting", "Messages that are not delivered.", "notifier")
    oldest = _gauge("outbox_oldest_timestamp_seconds", "When the oldest was made.", "notifier")
    for notifier, (count, at) in sorted(told.waiting.items()):
        waiting.add_metric([notifier], count)
        oldest.add_metric([notifier], at.timestamp())
    incidents = _gauge("incidents", "Incidents that are not closed.")
    if told.incidents is not None:
        incidents.add_metric([], told.incidents)
    yield from (open_, causes, waiting, oldest, incidents)
