"""Rules for a service that answers requests: bad answers by all answers."""

from __future__ import annotations

from dataclasses import dataclass

from watermain.engine.promise.burn import RULES, BurnRule
from watermain.observe.export.groups import window
from watermain.observe.export.prometheus.rule import Alerting, Recorded, RuleGroup
from watermain.observe.export.promise_figures import WINDOWS

RUNBOOK = "the-watcher-is-silent"


@dataclass(frozen=True, kw_only=True)
class RequestObjective:
    """What is promised of answers.

    Shapes: `bad` and `total` are selectors of counters, such as `requests_total{status=~"5.."}`.
    Units: `target` is the least share of answers that are good.
    """

    name: str
    bad: str
    total: str
    target: float
    tier: int = 2

    @property
    def rules(self) -> tuple[BurnRule, ...]:
        """The burn rules that can fire."""
        return tuple(rule for rule in RULES if rule.can_fire(self.target))


FEATURE_SERVER = "feature-server"


def feature_server(target: float) -> RequestObjective:
    """The feature server's answers; one that was refused for its question's sake is good."""
    counted = "watermain_serve_requests_total"
    return RequestObjective(
        name=FEATURE_SERVER, bad=f'{counted}{{status=~"5.."}}', total=counted, target=target
    )


def request_rules(objective: RequestObjective) -> list[RuleGroup]:
    """Record the share of bad answers in each window; alert where it burns too fast."""
    name = objective.name
    record = {each: f"watermain:request_errors:{each}" for each in WINDOWS}
    recorded = [
        Recorded(
            record=record[each],
            expr=f"sum(rate({objective.bad}[{each}]))\n/\nsum(rate({objective.total}[{each}]))\n",
            labels={"service": name},
        )
        for each in WINDOWS
    ]
    alerts = [_alert(objective, rule, record) for rule in objective.rules]
    return [RuleGroup(name=f"watermain-{name}", rules=[*recorded, *alerts])]


def _alert(objective: RequestObjective, rule: BurnRule, record: dict[str, str]) -> Alerting:
    long, short = window(rule.long), window(rule.short)
    least = f'{{service="{objective.name}"}} > {rule.times * (1 - objective.target):.12g}'
    return Alerting(
        alert="WatermainRequestsBurn",
        expr=f"{record[long]}{least}\nand\n{record[short]}{least}\n",
        severity=rule.severity_of(objective.tier),
        summary=f"{objective.name} burns {rule.times:g}x over {long} and {short}",
        told="{{ $value | humanizePercentage }} of the answers were bad;"
        " first command: watermain status",
        runbook=RUNBOOK,
        lasts="0s",
        labels={"cause_id": f"platform/{objective.name}", "burn": f"{rule.times:g}x"},
    )
