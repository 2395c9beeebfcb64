"""Alert rules of declared promises, one set for each group that shares an objective."""

from __future__ import annotations

from collections.abc import Iterable

from watermain.engine.promise.burn import (
    FEW,
    FEW_BAD,
    HOURLY_BAD,
    HOURLY_RULES,
    RULES,
    BurnObjective,
    BurnRule,
    dropped,
)
from watermain.engine.promise.calendar import Promised
from watermain.observe.export.groups import PromiseGroup, group, window
from watermain.observe.export.prometheus.recording import INFO, SLICE, ratio
from watermain.observe.export.prometheus.rule import Alerting, RuleGroup

RUNBOOK = "partitions-are-late"
DUST = 1e-9  # what binary fractions take from a threshold
_TOLD = (
    "owner {{ $labels.owner }}; cause {{ $labels.cause_id }}; first command: watermain slo show"
    " {{ $labels.dataset }}"
)
_MISSING = "max by (dataset) (watermain_promise_is_missing) == 1"
_PROMISED = "max by (dataset) (watermain_promise_is_promised) == 1"


def groups_of(promises: Iterable[Promised]) -> list[PromiseGroup]:
    """The groups that some promises fall into, by name."""
    found = {str(each): each for each in map(group, promises)}
    return [found[name] for name in sorted(found)]


def promise_rules(promises: Iterable[Promised]) -> list[RuleGroup]:
    """The alert rules of promises."""
    return [
        RuleGroup(name=f"watermain-{slug(each)}", rules=[*_partitions(each), *_burns(each)])
        for each in groups_of(promises)
    ]


def silent(promises: Iterable[Promised]) -> list[str]:
    """Say which rules are left out since they could never fire, a sentence for each."""
    found = []
    for promised in sorted(promises, key=lambda p: str(p.dataset)):
        each = group(promised)
        words = BurnObjective(dataset=promised.dataset, promise="fresh_minutes", target=each.target)
        found += [f"{promised.dataset}: {said}" for said in dropped(words, RULES)]
    return found


def slug(each: PromiseGroup) -> str:
    """A group as a name without blanks."""
    return str(each).replace("%", " percent").replace(",", "").replace(" ", "-").lower()


def _burns(each: PromiseGroup) -> Iterable[Alerting]:
    """Burn rules over minutes, as long as the partition is missing."""
    for rule in each.rules:
        long, short = window(rule.long), window(rule.short)
        least = f">= {rule.times * (1 - each.target) - DUST:.12g}"
        expr = (
            f"(\n  {ratio(long)} {least}\n  and on (dataset) {ratio(short)} {least}\n"
            f"  and on (dataset) {SLICE} == 1\n){_of(each)}"
        )
        yield Alerting(
            alert="WatermainPromiseBurns",
            expr=expr,
            severity=each.severity_of(rule),
            summary=f"{{{{ $labels.dataset }}}} burns {rule.times:g}x over {long} and {short}",
            told=f"{{{{ $value | humanizePercentage }}}} of the minutes were bad; {_TOLD}",
            runbook=RUNBOOK,
            labels={"group": slug(each), "burn": f"{rule.times:g}x", "window": long},
        )


def _partitions(each: PromiseGroup) -> Iterable[Alerting]:
    """Rules for few events: the newest is missing, and how many before it were late."""
    pages = _pages(each)
    is_page = "\n  or ".join(f"({condition} and on (dataset) {_PROMISED})" for condition in pages)
    if pages:
        yield _late(each, "page", is_page)
    yield _late(
        each, "ticket", f"{_MISSING}\n  unless on (dataset) ({is_page})" if pages else _MISSING
    )


def _pages(each: PromiseGroup) -> list[str]:
    """The conditions that wake somebody within promised hours."""
    if each.severity == "ticket":
        return []
    if each.is_paged_at_once:
        return [_MISSING]
    graver = _hourly(each) if each.unit == "hour" else [_few(each)]
    return [condition for severity, condition in graver if severity == "page"]


def _few(each: PromiseGroup) -> tuple[str, str]:
    late = f'max by (dataset) (watermain_promise_late{{last="{FEW}"}}) >= {FEW_BAD}'
    return "page", f"{_MISSING} and on (dataset) {late}"


def _hourly(each: PromiseGroup) -> Iterable[tuple[str, str]]:
    """Windows that are counted in partitions."""
    for rule in HOURLY_RULES:
        if not rule.can_fire(each.target):
            continue
        severity = rule.severity_of(each.tier)
        least = HOURLY_BAD if severity == "page" else 1
        yield (
            severity,
            " and on (dataset) ".join(
                (
                    _MISSING,
                    _of_last(rule, rule.long, each, least),
                    _of_last(rule, rule.short, each, 1),
                )
            ),
        )


def _of_last(rule: BurnRule, length: object, each: PromiseGroup, least: int) -> str:
    count = int(length.total_seconds() // 3600)  # type: ignore[attr-defined]
    needed = max(least, rule.needed(each.target, count) - DUST)
    return f'max by (dataset) (watermain_promise_late{{last="{count}"}}) >= {needed:.12g}'


def _late(each: PromiseGroup, severity: str, condition: str) -> Alerting:
    return Alerting(
        alert="WatermainPartitionMissing",
        expr=f"({condition}){_of(each)}",
        severity=severity,
        summary="{{ $labels.dataset }}: the newest partition that was due is missing",
        told=_TOLD,
        runbook=RUNBOOK,
        labels={"group": slug(each)},
    )


def _of(each: PromiseGroup) -> str:
    """Restrict to the group; give the labels that people and routes need."""
    name = str(each).replace("\\", "\\\\").replace('"', '\\"')
    return f'\n* on (dataset) group_left (room, owner, tier, cause_id)\n{INFO}{{group="{name}"}}\n'
