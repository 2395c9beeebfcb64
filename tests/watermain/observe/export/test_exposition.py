"""The page of figures, read back by the client's own parser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from watermain.declare.name import DatasetName
from watermain.observe.export.exposition import page
from watermain.observe.export.figures import (
    AlertFigures,
    AllFigures,
    CaptureFigures,
    LakeFigures,
    PlatformFigures,
    PromiseFigures,
)
from watermain.observe.export.folding import OF_A_CAPTURE, OF_A_PROMISE, OF_A_TABLE, RESERVED
from watermain.observe.export.promise_figures import WINDOWS

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)
Labels = frozenset[tuple[str, str]]


def of(name: str, *, is_missing: bool = False, tier: int = 2) -> PromiseFigures:
    """A promise that stands well but for what is missing."""
    return PromiseFigures(
        dataset=DatasetName.parse(name),
        group="at most 1 of 28 late, by the day, tier 2, page",
        owner='team:"billing"\\\n',
        tier=tier,
        severity="page",
        state="met",
        partitions={"good": 20, "bad": 1, "excused": 2, "unknown": 0},
        objective=0.75,
        allowed=1,
        left=0,
        coverage=1.0,
        late={7: 1},
        is_missing=is_missing,
        is_promised=True,
        is_bad=is_missing,
        scheduled=dict.fromkeys(WINDOWS, 60),
        bad=dict.fromkeys(WINDOWS, 30 if is_missing else 0),
    )


def many(count: int) -> AllFigures:
    """So many datasets, each promised, captured and held; number 7 is missing."""
    names = [f"shop.curated.t{number:04}" for number in range(count)]
    return AllFigures(
        at=NOON,
        promises=tuple(of(name, is_missing=name.endswith("0007")) for name in names),
        lake=tuple(
            LakeFigures(
                dataset=name,
                rows=1,
                bytes=2,
                publishes=3,
                published_rows=4,
                published_bytes=5,
                published_at=NOON,
            )
            for name in names
        ),
        captures=tuple(
            CaptureFigures(
                dataset=name, batches=1, rows=1, aside=0, committed_at=NOON, reached_at=NOON
            )
            for name in names
        ),
        alerts=AlertFigures(causes=dict.fromkeys(names, "a.raw.b@2026")),
    )


def read(text: bytes) -> dict[str, dict[Labels, float]]:
    """The series by the name of the sample."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def labels(**words: str) -> Labels:
    """The labels of a series."""
    return frozenset(words.items())


EVERYTHING = AllFigures(
    at=NOON,
    evaluated_at=NOON - timedelta(seconds=5),
    ledger_at=NOON - timedelta(minutes=4),
    platform=PlatformFigures(
        services={"web": True, "stream": False},
        runs={"started": 2},
        ended={"failure": 1},
    ),
    promises=(of("shop.curated.fees", is_missing=True),),
    lake=(
        LakeFigures(
            dataset="shop.curated.fees",
            rows=7,
            bytes=900,
            publishes=3,
            published_rows=30,
            published_bytes=1000,
            published_at=NOON - timedelta(hours=1),
        ),
        LakeFigures(dataset="shop.curated.new", rows=0, bytes=0),
    ),
    captures=(
        CaptureFigures(
            dataset="shop.raw.fees",
            batches=2,
            rows=40,
            aside=1,
            committed_at=NOON,
            reached_at=NOON - timedelta(seconds=90),
        ),
    ),
    alerts=AlertFigures(
        open={("firing", "page"): 1},
        causes={"shop.curated.fees": "shop.raw.fees@20260603"},
        waiting={"pager": (2, NOON - timedelta(minutes=11))},
        incidents=1,
    ),
    unread=("lake",),
)
FEES_LABELS = {"dataset": "shop.curated.fees"}
AT = NOON.timestamp()
EXPECTED: dict[str, dict[Labels, float]] = {
    "watermain_service_up": {labels(service="web"): 1, labels(service="stream"): 0},
    "watermain_runs": {labels(state="started"): 2},
    "watermain_runs_ended_last_hour": {labels(state="failure"): 1},
    "watermain_evaluated_timestamp_seconds": {labels(): AT - 5},
    "watermain_ledger_asked_timestamp_seconds": {labels(): AT - 240},
    "watermain_export_timestamp_seconds": {labels(): AT},
    "watermain_lake_rows": {labels(**FEES_LABELS): 7, labels(dataset="shop.curated.new"): 0},
    "watermain_lake_bytes": {labels(**FEES_LABELS): 900, labels(dataset="shop.curated.new"): 0},
    "watermain_publishes_total": {labels(**FEES_LABELS): 3},
    "watermain_published_rows_total": {labels(**FEES_LABELS): 30},
    "watermain_published_bytes_total": {labels(**FEES_LABELS): 1000},
    "watermain_published_timestamp_seconds": {labels(**FEES_LABELS): AT - 3600},
    "watermain_ledger_batches_total": {labels(dataset="shop.raw.fees"): 2},
    "watermain_ledger_rows_captured_total": {labels(dataset="shop.raw.fees"): 40},
    "watermain_ledger_rows_quarantined_total": {labels(dataset="shop.raw.fees"): 1},
    "watermain_captured_timestamp_seconds": {labels(dataset="shop.raw.fees"): AT},
    "watermain_lag_seconds": {labels(dataset="shop.raw.fees"): 90},
    "watermain_promise_partitions": {
        labels(verdict=verdict, **FEES_LABELS): count
        for verdict, count in {"good": 20, "bad": 1, "excused": 2, "unknown": 0}.items()
    },
    "watermain_promise_late": {labels(last="7", **FEES_LABELS): 1},
    "watermain_promise_state": {labels(state="met", **FEES_LABELS): 1},
    "watermain_promise_objective": {labels(**FEES_LABELS): 0.75},
    "watermain_promise_allowed": {labels(**FEES_LABELS): 1},
    "watermain_promise_left": {labels(**FEES_LABELS): 0},
    "watermain_promise_coverage": {labels(**FEES_LABELS): 1},
    "watermain_promise_is_missing": {labels(**FEES_LABELS): 1},
    "watermain_promise_is_promised": {labels(**FEES_LABELS): 1},
    "watermain_promise_slice_bad": {labels(**FEES_LABELS): 1},
    "watermain_promise_scheduled_minutes": {labels(window=w, **FEES_LABELS): 60 for w in WINDOWS},
    "watermain_promise_burn": {labels(window=w, **FEES_LABELS): 2 for w in WINDOWS},
    "watermain_promise_info": {
        labels(
            room="shop",
            owner='team:"billing"\\\n',
            tier="2",
            severity="page",
            group="at most 1 of 28 late, by the day, tier 2, page",
            **FEES_LABELS,
        ): 1
    },
    "watermain_alerts": {labels(state="firing", severity="page"): 1},
    "watermain_alert_cause": {labels(cause_id="shop.raw.fees@20260603", **FEES_LABELS): 1},
    "watermain_outbox_waiting": {labels(notifier="pager"): 2},
    "watermain_outbox_oldest_timestamp_seconds": {labels(notifier="pager"): AT - 660},
    "watermain_incidents": {labels(): 1},
    "watermain_export_unread": {labels(part="lake"): 1},
    "watermain_export_folded_datasets": {labels(): 0},
}


def test_page_says_every_figure() -> None:
    """Names, labels and values, one of each."""
    told = read(page(EVERYTHING))
    series = told.pop("watermain_export_series")
    assert told == EXPECTED
    assert series == {labels(): sum(map(len, EXPECTED.values())) + 1}


def test_what_nobody_knows_has_no_series() -> None:
    """A dataset that nobody judged, and a platform that was never asked: no zero stands for it."""
    unknown = replace(of("shop.curated.fees"), is_bad=None, scheduled={}, bad={})
    told = read(page(AllFigures(at=NOON, promises=(unknown,))))
    absent = ("slice_bad", "scheduled_minutes", "burn")
    assert [name for name in absent if f"watermain_promise_{name}" in told] == []
    assert "watermain_evaluated_timestamp_seconds" not in told
    assert "watermain_ledger_asked_timestamp_seconds" not in told


def test_thousand_datasets_fit() -> None:
    """Each promised, captured and published, of one platform."""
    told = read(page(many(1000)))
    count = sum(map(len, told.values()))
    assert told["watermain_export_series"][labels()] == count <= 50_000
    assert told["watermain_export_folded_datasets"][labels()] == 0
    assert len(told["watermain_lake_rows"]) == 1000


@pytest.mark.parametrize("fitting", [0, 1, 3, 40])
def test_more_datasets_than_fit_are_left_out_and_counted(fitting: int) -> None:
    """What is missing stays, however late in the alphabet; two scrapes leave out the same."""
    most = RESERVED + fitting * (OF_A_PROMISE + OF_A_CAPTURE + OF_A_TABLE) + 1
    text = page(many(50), most)
    told = read(text)
    assert sum(map(len, told.values())) <= most
    promised = {dict(each)["dataset"] for each in told.get("watermain_promise_info", {})}
    assert len(promised) == min(50, (most - RESERVED) // OF_A_PROMISE)
    assert not fitting or "shop.curated.t0007" in promised
    assert told["watermain_export_folded_datasets"][labels()] >= 50 - len(promised)
    assert text == page(many(50), most)


def test_promise_has_no_more_series_than_it_is_counted_with() -> None:
    """The limit would not hold otherwise; partitions of an hour have the most."""
    hourly = replace(of("shop.curated.t", is_missing=True), late={2: 1, 6: 1, 24: 1, 72: 1})
    alerts = AlertFigures(causes={"shop.curated.t": "cause"})
    one = read(page(AllFigures(at=NOON, promises=(hourly,), alerts=alerts)))
    none = read(page(AllFigures(at=NOON)))
    assert sum(map(len, one.values())) - sum(map(len, none.values())) <= OF_A_PROMISE
