"""The dashboard for whoever is on call."""

from __future__ import annotations

from watermain.observe.export.grafana.board import Board, PanelQuery, lines, number, table
from watermain.observe.export.grafana.executive import FOLDER
from watermain.observe.export.prometheus.recording import INFO

ONCALL = Board(
    uid="watermain-oncall",
    title="Watermain: what is wrong now?",
    folder=FOLDER,
    told="What is missing, what it burns, who is told, and whether anybody watches.",
    rows=(
        (
            "Is anybody watching?",
            (
                number(
                    "Since promises were judged",
                    "time() - max(watermain_evaluated_timestamp_seconds)",
                    "Above ten minutes nothing below can be believed.",
                    "s",
                    bad_above=600,
                ),
                number(
                    "Since figures were made",
                    "time() - max(watermain_export_timestamp_seconds)",
                    "Age of everything on this page.",
                    "s",
                    bad_above=300,
                ),
                number(
                    "Undelivered messages",
                    "sum(watermain_outbox_waiting) or vector(0)",
                    "What people have not been told yet.",
                    bad_above=0,
                ),
                number(
                    "Services down",
                    "count(watermain_service_up == 0) or vector(0)",
                    "Those that should run and do not.",
                    bad_above=0,
                ),
            ),
        ),
        (
            "What is wrong?",
            (
                number(
                    "Open alerts",
                    "sum(watermain_alerts) or vector(0)",
                    "One for each cause.",
                    bad_above=0,
                ),
                number(
                    "Alerts that page",
                    'sum(watermain_alerts{severity="page"}) or vector(0)',
                    "Those that may wake somebody.",
                    bad_above=0,
                ),
                number("Open incidents", "watermain_incidents", "Not closed by a check yet."),
                number(
                    "Datasets missing a partition",
                    "sum(watermain_promise_is_missing)",
                    "The newest partition that was due is not there.",
                    bad_above=0,
                ),
                table(
                    "Missing now",
                    "By cause: what has the same one is one problem.",
                    "short",
                    PanelQuery(
                        f"{INFO} * on (dataset) group_left () (watermain_promise_is_missing == 1)"
                    ),
                ),
                table(
                    "Alerts by state",
                    "As the alert book of the platform has them.",
                    "short",
                    PanelQuery("sum by (state, severity) (watermain_alerts)"),
                ),
            ),
        ),
        (
            "How fast does it burn?",
            (
                lines(
                    "Burn over an hour",
                    "Multiples of what objectives allow; 14.4 spends 2% of a month in an hour.",
                    "short",
                    PanelQuery('topk(10, watermain_promise_burn{window="1h"})', "{{dataset}}"),
                ),
                lines(
                    "Burn over six hours",
                    "Multiples of what objectives allow.",
                    "short",
                    PanelQuery('topk(10, watermain_promise_burn{window="6h"})', "{{dataset}}"),
                ),
                lines(
                    "Bad minutes of the last hour, as Prometheus saw them",
                    "The book is right where the two differ.",
                    "percentunit",
                    PanelQuery("topk(10, watermain:bad_ratio:1h)", "{{dataset}}"),
                ),
                lines(
                    "Runs",
                    "Runs of Dagster that have not ended, by state.",
                    "short",
                    PanelQuery("watermain_runs", "{{state}}"),
                ),
            ),
        ),
    ),
)
