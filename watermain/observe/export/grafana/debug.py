"""The dashboard for whoever looks for the reason."""

from __future__ import annotations

from watermain.observe.export.grafana.board import Board, PanelQuery, lines, number
from watermain.observe.export.grafana.executive import FOLDER

DEBUG = Board(
    uid="watermain-debug",
    title="Watermain: what happens inside?",
    folder=FOLDER,
    told="What was captured or published, what runs, and how large the figures are.",
    rows=(
        (
            "Sources",
            (
                lines(
                    "Lag",
                    "Time since the event up to which a dataset is captured, by the ledger.",
                    "s",
                    PanelQuery("watermain_lag_seconds", "{{dataset}}"),
                ),
                lines(
                    "Rows captured",
                    "Rows that reached raw, by the ledger; it is asked each five minutes.",
                    "rowsps",
                    PanelQuery("rate(watermain_ledger_rows_captured_total[15m])", "{{dataset}}"),
                ),
                lines(
                    "Rows put aside",
                    "Rows in quarantine, by the ledger.",
                    "rowsps",
                    PanelQuery("rate(watermain_ledger_rows_quarantined_total[15m])", "{{dataset}}"),
                ),
                lines(
                    "Since the last batch",
                    "Time since a batch was committed.",
                    "s",
                    PanelQuery("time() - watermain_captured_timestamp_seconds", "{{dataset}}"),
                ),
            ),
        ),
        (
            "Lake",
            (
                lines(
                    "Publishes",
                    "Partitions published, by dataset.",
                    "ops",
                    PanelQuery("rate(watermain_publishes_total[15m])", "{{dataset}}"),
                ),
                lines(
                    "Since the last publish",
                    "Time since anything of a dataset was published.",
                    "s",
                    PanelQuery("time() - watermain_published_timestamp_seconds", "{{dataset}}"),
                ),
                lines(
                    "Rows",
                    "Rows of live files, the ten largest.",
                    "short",
                    PanelQuery("topk(10, watermain_lake_rows)", "{{dataset}}"),
                ),
                lines(
                    "Bytes",
                    "Bytes of live files, the ten largest.",
                    "bytes",
                    PanelQuery("topk(10, watermain_lake_bytes)", "{{dataset}}"),
                ),
            ),
        ),
        (
            "Platform",
            (
                lines(
                    "Services",
                    "1 while a service that should run lives.",
                    "short",
                    PanelQuery("watermain_service_up", "{{service}}"),
                ),
                lines(
                    "Runs that ended within an hour",
                    "By how they ended.",
                    "short",
                    PanelQuery("watermain_runs_ended_last_hour", "{{state}}"),
                ),
                number(
                    "Series",
                    "watermain_export_series",
                    "Of 50,000 that a scrape may hold.",
                    bad_above=45_000,
                ),
                number(
                    "Datasets without series",
                    "watermain_export_folded_datasets",
                    "Left out since there are too many.",
                    bad_above=0,
                ),
            ),
        ),
    ),
)
