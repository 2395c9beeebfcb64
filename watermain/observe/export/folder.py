"""The folder that `watermain observe export` writes, as paths with their texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from watermain import durable
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.openslo import documents
from watermain.machine.extras import need
from watermain.observe.export.prometheus.configured import (
    provisioning_text,
    route_text,
    scrape_text,
)
from watermain.observe.export.prometheus.promise_rules import groups_of, promise_rules, silent
from watermain.observe.export.prometheus.recording import recording
from watermain.observe.export.prometheus.requests import feature_server, request_rules
from watermain.observe.export.prometheus.rule import rules_text
from watermain.observe.export.prometheus.watching import watching

REQUESTS = "rules/watermain-requests.yml"


def prometheus_files(
    promises: Collection[Promised], ports: Mapping[str, int], serve_target: float | None = None
) -> dict[str, str]:
    """Settings and rules for a Prometheus with its Alertmanager, and the promises as OpenSLO.

    Shapes: `ports` of 127.0.0.1 by the name of the job; `serve_target` is the share of the feature
    server's answers that shall be good, None where nothing is promised of them.
    """
    found = {
        "prometheus.yml": scrape_text(dict(ports)),
        "alertmanager.yml": route_text(),
        "openslo.yml": documents(promises),
        "rules/watermain-recording.yml": rules_text(recording()),
        "rules/watermain-promises.yml": rules_text(promise_rules(promises), silent(promises)),
        "rules/watermain-watching.yml": rules_text(watching(groups_of(promises))),
    }
    if serve_target is not None:
        found[REQUESTS] = rules_text(request_rules(feature_server(serve_target)))
    return found


def dashboard_files(rooms: Collection[str]) -> dict[str, str]:
    """Dashboards for all, and one for each room in a folder of its own.

    Raises: MissingExtraError.
    """
    need("grafana", declared="watermain observe export")
    from watermain.observe.export.grafana.drawn import boards, drawn

    found = {board.path: drawn(board) for board in boards(rooms)}
    return found | {"grafana-dashboards.yml": provisioning_text()}


def write(to: Path, files: Mapping[str, str]) -> list[Path]:
    """Write files into a folder; give their paths.

    Guarantees: each is replaced whole; what else lies in the folder is left as it is.
    """
    paths = []
    for name, text in files.items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.replace(path, text)
        paths.append(path)
    return paths
