"""Rules that watch the watcher, who may itself be dead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watermain.observe.export.groups import PromiseGroup
from watermain.observe.export.prometheus.recording import INFO, SLICE, ratio, reach
from watermain.observe.export.prometheus.rule import Alerting, RuleGroup
from watermain.observe.export.promise_figures import WINDOWS

RUNBOOK = "the-watcher-is-silent"
COMPARED = ("1h", "6h")
SLACK_MINUTES = 5  # a verdict, a page of figures and a scrape each come a little late
MOST_APART = 0.1


def watching(groups: Iterable[PromiseGroup]) -> list[RuleGroup]:
    """Dead-man rules, and the check that the book and Prometheus burn alike."""
    return [
        RuleGroup(name="watermain-silence", rules=[*_silences(), *_platform()]),
        RuleGroup(name="watermain-measured", rules=[*_measured(groups), *_apart()]),
    ]


def _rule(alert: str, severity: str, expr: str, *, lasts: str, summary: str, told: str) -> Alerting:
    return Alerting(
        alert=alert,
        expr=expr,
        severity=severity,
        summary=summary,
        told=told,
        runbook=RUNBOOK,
        lasts=lasts,
        labels={"cause_id": f"platform/{alert}"},
    )


def _silences() -> Iterable[Alerting]:
    """Nothing is heard; each is a page, since every other rule is silent then."""
    yield _rule(
        "WatermainFiguresAbsent",
        "page",
        "absent(watermain_export_timestamp_seconds)",
        lasts="5m",
        summary="nobody tells figures of Watermain",
        told="no target of this Prometheus has them; first command: watermain status",
    )
    yield _rule(
        "WatermainFiguresStandStill",
        "page",
        "abs(time() - max(watermain_export_timestamp_seconds)) > 300",
        lasts="2m",
        summary="the figures of Watermain are {{ $value | humanizeDuration }} old",
        told="observe answers, but goes round no more, or a clock is wrong;"
        " first command: watermain status",
    )
    yield _rule(
        "WatermainNobodyJudges",
        "page",
        "abs(time() - max(watermain_evaluated_timestamp_seconds)) > 600",
        lasts="2m",
        summary="no promise was judged for {{ $value | humanizeDuration }}",
        told="nothing says whether promises are kept; first command: watermain doctor",
    )
    yield _rule(
        "WatermainNothingWasJudged",
        "page",
        "absent(watermain_evaluated_timestamp_seconds)"
        " and on () (max(watermain_export_timestamp_seconds))",
        lasts="10m",
        summary="Watermain has figures, but none of promises",
        told="the book of verdicts cannot be read, or was never written;"
        " first command: watermain doctor",
    )


def _platform() -> Iterable[Alerting]:
    """What keeps the platform from its work, or people from hearing of it."""
    yield _rule(
        "WatermainServiceDown",
        "page",
        "watermain_service_up == 0",
        lasts="3m",
        summary="the service {{ $labels.service }} should run and does not",
        told="first command: watermain status",
    )
    yield _rule(
        "WatermainAlertsUndelivered",
        "page",
        "time() - watermain_outbox_oldest_timestamp_seconds > 600",
        lasts="2m",
        summary="{{ $labels.notifier }} has taken no alert for {{ $value | humanizeDuration }}",
        told="people are not told; first command: watermain alert list",
    )
    yield _rule(
        "WatermainFiguresUnread",
        "ticket",
        "watermain_export_unread == 1",
        lasts="10m",
        summary="the figures of {{ $labels.part }} could not be read",
        told="their series are absent; first command: watermain doctor",
    )
    yield _rule(
        "WatermainDatasetsFolded",
        "ticket",
        "watermain_export_folded_datasets > 0",
        lasts="10m",
        summary="{{ $value }} datasets have no series: there are more than a scrape may hold",
        told="nothing but observe itself watches them; first command: watermain slo list",
    )


def _measured(groups: Iterable[PromiseGroup]) -> Iterable[Alerting]:
    """A promise that nothing measures, or that no rule of these files knows."""
    yield _rule(
        "WatermainPromiseNotMeasured",
        "ticket",
        'max by (dataset) (watermain_promise_state{state="not measured"}) == 1',
        lasts="1h",
        summary="{{ $labels.dataset }} is not measured",
        told="too little of what was due was judged; first command: watermain slo show"
        " {{ $labels.dataset }}",
    )
    yield _rule(
        "WatermainPromiseGone",
        "ticket",
        "group by (dataset) (watermain_promise_info offset 30m)"
        " unless on (dataset) group by (dataset) (watermain_promise_info)",
        lasts="5m",
        summary="{{ $labels.dataset }} promises nothing any more",
        told="where that was meant, nothing is to do; else first command: watermain slo list",
    )
    known = "|".join(_quoted(str(each)) for each in groups)
    yield _rule(
        "WatermainPromiseWithoutRules",
        "ticket",
        f'{INFO}{{group!~"{known}"}}',
        lasts="10m",
        summary="{{ $labels.dataset }} is promised as no rule knows: {{ $labels.group }}",
        told="these rules are older than the promise; first command: watermain observe export",
    )


def _quoted(name: str) -> str:
    """A name as a regular expression inside quotation marks."""
    return "".join(f"\\\\{c}" if c in ".+*?()[]{}^$|" else c for c in name)


def _apart() -> Iterable[Alerting]:
    """The burn of the book, and the one that Prometheus has seen, differ by a tenth."""
    for name in COMPARED:
        minutes = WINDOWS[name].total_seconds() / 60
        spent = "(1 - max by (dataset) (watermain_promise_objective))"
        book = (
            f'max by (dataset) (watermain_promise_burn{{window="{name}"}}) * on (dataset) {spent}'
        )
        apart = f"abs({ratio(name)} - on (dataset) ({book}))"
        seen = f"count_over_time({SLICE}[{reach(WINDOWS[name])}]) >= {0.95 * minutes:g}"
        found = _rule(
            "WatermainBurnDiffers",
            "ticket",
            f"({apart} > on (dataset) {MOST_APART:g} * ({book}))\nand on (dataset)"
            f" ({apart} * on (dataset) max by (dataset)"
            f' (watermain_promise_scheduled_minutes{{window="{name}"}}) > {SLACK_MINUTES})'
            f"\nand on (dataset) ({seen})\n",
            lasts="10m",
            summary=f"{{{{ $labels.dataset }}}}: book and Prometheus differ about {name}",
            told="a verdict was corrected or made late, or scrapes were lost; the book is right;"
            " first command: watermain slo show {{ $labels.dataset }}",
        )
        yield replace(found, labels={**found.labels, "window": name})
