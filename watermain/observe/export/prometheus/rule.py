"""Rules of Prometheus as values, written as its YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

RUNBOOKS = "docs/runbooks"
SOURCE = {"source": "prometheus"}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An expression whose value is kept under a name."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.record, "expr": self.expr} | labels


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """An expression of which each series is an alert.

    Shapes: `lasts` is how long it must hold, as Prometheus writes it; `runbook` is a page of
    docs/runbooks, without its ending.
    """

    alert: str
    expr: str
    severity: str
    summary: str
    told: str
    runbook: str
    lasts: str = "1m"
    labels: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        return {
            "alert": self.alert,
            "expr": self.expr,
            "for": self.lasts,
            "labels": {"severity": self.severity, **SOURCE, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.told,
                "runbook": f"{RUNBOOKS}/{self.runbook}.md",
            },
        }


@dataclass(frozen=True, kw_only=True)
class RuleGroup:
    """Rules that are evaluated one after the other, at one instant."""

    name: str
    rules: Sequence[Recorded | Alerting]
    every: str = "1m"


class _Text(yaml.SafeDumper):
    """Write expressions of several lines as they are."""


def _written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Text.add_representer(str, _written)


def rules_text(groups: Iterable[RuleGroup], remarks: Iterable[str] = ()) -> str:
    """A file of rules; remarks stand above it."""
    plain = {
        "groups": [
            {"name": g.name, "interval": g.every, "rules": [rule.plain() for rule in g.rules]}
            for g in groups
        ]
    }
    return written(plain, remarks)


def written(plain: Mapping[str, Any], remarks: Iterable[str] = ()) -> str:
    """Plain values as YAML, with remarks above."""
    said = "".join(f"# {line}\n" for line in remarks)
    return said + str(yaml.dump(plain, Dumper=_Text, sort_keys=False, width=96, allow_unicode=True))
