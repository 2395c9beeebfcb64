"""Rules of ours over known series, by Prometheus' own tool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Told = dict[str, str]


def promtool(*words: str | Path) -> str:
    """Run promtool; give what it says."""
    found = shutil.which("promtool")
    assert found, "apt-get install prometheus"
    done = subprocess.run(
        [found, *map(str, words)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Scenario:
    """Series at one sample a minute, and what is to follow from them.

    Shapes: values are in promtool's own notation, `0x59 1x10`; rules are evaluated at `every`.
    """

    series: Mapping[str, str]
    every: str = "1m"
    alerts: list[dict[str, Any]] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)

    def fires(self, at: str, alert: str, *told: Told) -> Scenario:
        """The alerts of a name that fire at an instant, with all their labels."""
        expected = [{"exp_labels": each} for each in told]
        self.alerts.append({"eval_time": at, "alertname": alert, "exp_alerts": expected})
        return self

    def gives(self, at: str, expr: str, *samples: tuple[str, float]) -> Scenario:
        """What an expression gives at an instant, a value for each set of labels."""
        expected = [{"labels": labels, "value": value} for labels, value in samples]
        self.values.append({"expr": expr, "eval_time": at, "exp_samples": expected})
        return self

    def run(self, folder: Path, rules: Iterable[Path]) -> None:
        """Have promtool try it. Annotations are not compared: they are prose."""
        plain = {
            "rule_files": [str(_without_prose(path, folder)) for path in rules],
            "evaluation_interval": self.every,
            "tests": [
                {
                    "interval": "1m",
                    "input_series": [
                        {"series": name, "values": values} for name, values in self.series.items()
                    ],
                    "alert_rule_test": self.alerts,
                    "promql_expr_test": self.values,
                }
            ],
        }
        path = folder / "scenario.yml"
        path.write_text(yaml.safe_dump(plain, sort_keys=False))
        promtool("test", "rules", path)


def _without_prose(path: Path, folder: Path) -> Path:
    """The rules of a file in one group, in their order, and without annotations."""
    plain = yaml.safe_load(path.read_text())
    rules = [rule for group in plain["groups"] for rule in group["rules"]]
    for rule in rules:
        rule.pop("annotations", None)
    # promtool takes groups in any order, and would miss what another one is about to record.
    found = {"groups": [{"name": path.stem, "rules": rules}]}
    bare = folder / f"bare-{path.name}"
    bare.write_text(yaml.safe_dump(found, sort_keys=False, width=10_000))
    return bare
