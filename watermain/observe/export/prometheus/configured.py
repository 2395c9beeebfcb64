"""What a Prometheus needs in its own settings, with its Alertmanager."""

from __future__ import annotations

from watermain.observe.export.prometheus.rule import written

JOB = "watermain"
RULES = "rules/*.yml"
DASHBOARDS = "/etc/grafana/watermain/dashboards"


def scrape_text(ports: dict[str, int]) -> str:
    """A `prometheus.yml` that scrapes the platform, evaluates the rules and alerts.

    Shapes: `ports` of 127.0.0.1 by the name of the job.
    """
    plain = {
        "global": {"scrape_interval": "15s", "evaluation_interval": "1m"},
        "rule_files": [RULES],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            for job, port in ports.items()
        ],
    }
    remarks = (
        "Prometheus beside the platform: every endpoint listens on the loopback alone.",
        "The minutes of the rules are recorded each minute, whatever the scrape interval is.",
    )
    return written(plain, remarks)


def route_text() -> str:
    """An `alertmanager.yml` that makes one message of one cause.

    Guarantees: where observe and Prometheus both tell of a cause, only observe is heard.
    """
    plain = {
        "route": {
            "receiver": "tickets",
            "group_by": ["cause_id"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [{"matchers": ['severity="page"'], "receiver": "pages"}],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="BrokenPromise"'],
                "target_matchers": ['source="prometheus"'],
                "equal": ["cause_id"],
            }
        ],
        "receivers": [
            {"name": name, "webhook_configs": [{"url": f"http://127.0.0.1:9/{name}"}]}
            for name in ("pages", "tickets")
        ],
    }
    remarks = ("Put your own receivers in the place of these: nothing listens at port 9.",)
    return written(plain, remarks)


def provisioning_text() -> str:
    """What Grafana reads to find the dashboards, each in the folder that its file lies in."""
    plain = {
        "apiVersion": 1,
        "providers": [
            {
                "name": "watermain",
                "type": "file",
                "options": {"path": DASHBOARDS, "foldersFromFilesStructure": True},
            }
        ],
    }
    remarks = ("Goes to provisioning/dashboards of Grafana; put the path of `dashboards` here.",)
    return written(plain, remarks)
