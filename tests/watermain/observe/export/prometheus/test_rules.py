"""Rules that are generated out of promises, without a Prometheus at hand."""

from __future__ import annotations

from datetime import timedelta

import promql_parser
import pytest
import yaml

from tests.watermain.engine.promise.promises import promise
from watermain.declare import AtMost, Hourly, Share, Slo, Urgency
from watermain.declare.name import DatasetName
from watermain.engine.promise.burn import RULES
from watermain.observe.export.folder import REQUESTS, prometheus_files
from watermain.observe.export.groups import group, window
from watermain.observe.export.prometheus.promise_rules import groups_of, promise_rules, silent, slug
from watermain.observe.export.prometheus.recording import reach
from watermain.observe.export.prometheus.requests import feature_server, request_rules
from watermain.observe.export.prometheus.rule import Alerting
from watermain.observe.export.promise_figures import WINDOWS
from watermain.settings import project

TWO_HOURS = timedelta(hours=2)


def slo(*objective: AtMost | Share, **urgency: object) -> Slo:
    """A promise of two hours."""
    words = {"objective": objective[0]} if objective else {}
    return Slo(ready_within=TWO_HOURS, urgency=Urgency(**urgency), **words)  # type: ignore[arg-type]


DAILY = promise(slo())
TIER_ONE = promise(slo(tier=1, page_on_first_miss=True))
TICKETS = promise(slo(severity="ticket"))
HOURLY = promise(slo(tier=1), Hourly())
LOOSE = promise(slo(AtMost(7, of=28)))
OVER = promise(slo(Share(0.9, over=timedelta(days=60))))
ALL = (DAILY, TIER_ONE, TICKETS, HOURLY, LOOSE, OVER)


def alerts(*promises: object) -> list[Alerting]:
    """The alert rules of promises."""
    found = [rule for each in promise_rules(promises) for rule in each.rules]  # type: ignore[arg-type]
    return [rule for rule in found if isinstance(rule, Alerting)]


def test_every_expression_is_promql_and_every_runbook_is_there() -> None:
    """In all files; no two rules of a file are the same alert."""
    files = prometheus_files(ALL, {"watermain": 9190}, serve_target=0.999)
    for name in [name for name in files if name.startswith("rules/")]:
        plain = yaml.safe_load(files[name])
        rules = [rule for each in plain["groups"] for rule in each["rules"]]
        assert rules
        for rule in rules:
            promql_parser.parse(rule["expr"])
            if "alert" in rule:
                assert (project().root / rule["annotations"]["runbook"]).exists(), rule
                assert "first command: " in rule["annotations"]["description"]
        same = [(r.get("alert"), tuple(sorted(r.get("labels", {}).items()))) for r in rules]
        named = [each for each in same if each[0]]
        assert len(set(named)) == len(named)


def test_promises_with_the_same_words_share_their_rules() -> None:
    """A thousand datasets have as many rules as they have objectives."""
    many = [promise(slo(), name=DatasetName("a", "curated", f"t{n}")) for n in range(1000)]
    assert len(promise_rules(many)) == 1
    assert [str(each) for each in groups_of([*many, TICKETS])] == [
        "at most 1 of 28 late, by the day, tier 2, page",
        "at most 1 of 28 late, by the day, tier 2, ticket",
    ]
    assert len({slug(group(each)) for each in ALL}) == len(ALL)
    assert slug(group(OVER)) == "90-percent-of-partitions-over-60-days-by-the-day-tier-2-page"


@pytest.mark.parametrize(
    ("promised", "expected"),
    [
        (DAILY, ["ticket"] * 4),
        (TIER_ONE, ["page", "page", "page", "ticket"]),
        (TICKETS, ["ticket"] * 4),
        (LOOSE, ["ticket", "ticket"]),
    ],
)
def test_burn_wakes_only_whom_one_late_partition_may_wake(
    promised: object, expected: list[str]
) -> None:
    """Severities of 14.4x, 6x, 3x and 1x, as far as they can fire."""
    burns = [rule for rule in alerts(promised) if rule.alert == "WatermainPromiseBurns"]
    assert [rule.severity for rule in burns] == expected


def test_rule_that_can_never_fire_is_named() -> None:
    """Of 75 % two of four, in words; of 96 % none."""
    assert silent([DAILY]) == []
    assert [line.partition(" is dropped")[0] for line in silent([LOOSE])] == [
        "billing.curated.fees: burn 14.4x over 1 h and 5 min",
        "billing.curated.fees: burn 6x over 6 h and 30 min",
    ]


def test_ticket_has_no_rule_that_pages() -> None:
    """Its urgency says so, whatever is missing."""
    assert {rule.severity for rule in alerts(TICKETS)} == {"ticket"}


def test_window_holds_each_of_its_minutes_once() -> None:
    """Neither 61 samples of an hour, as up to Prometheus 2, nor 59."""
    for name, length in WINDOWS.items():
        assert window(length) == name
        told = reach(length).removesuffix("30s")
        hours, _, minutes = told.rpartition("h")
        span = timedelta(hours=int(hours or 0), minutes=int(minutes.removesuffix("m") or 0))
        assert span == length - timedelta(minutes=1)


def test_requests_have_the_rules_of_the_workbook() -> None:
    """Three windows of tickets, as in tiers below the first; unless they can never fire."""
    found = [r for g in request_rules(feature_server(0.99)) for r in g.rules]
    burns = [rule for rule in found if isinstance(rule, Alerting)]
    assert [rule.labels["burn"] for rule in burns] == [f"{rule.times:g}x" for rule in RULES]
    assert [rule.severity for rule in burns] == ["page", "page", "ticket", "ticket"]
    assert len(request_rules(feature_server(0.9))[0].rules) == len(found) - 1
    assert REQUESTS not in prometheus_files([], {"watermain": 1})
