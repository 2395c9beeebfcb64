"""Dashboards as the files that Grafana imports, by Grafana's own library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from watermain.observe.export.grafana.board import Board, View
from watermain.observe.export.grafana.debug import DEBUG
from watermain.observe.export.grafana.executive import EXECUTIVE
from watermain.observe.export.grafana.oncall import ONCALL
from watermain.observe.export.grafana.room import room_board

SOURCE = "datasource"
HEIGHT, LOW = 8, 4
GREEN, RED = "green", "red"
Panel = stat.Panel | timeseries.Panel | tables.Panel
_KINDS: Mapping[str, Callable[[], Panel]] = {
    "number": stat.Panel,
    "lines": timeseries.Panel,
    "table": tables.Panel,
}


def boards(rooms: Iterable[str]) -> list[Board]:
    """The dashboards of a platform with these rooms."""
    return [EXECUTIVE, ONCALL, DEBUG, *map(room_board, sorted(rooms))]


def drawn(board: Board) -> str:
    """The JSON of a dashboard."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.told)
        .tags(["watermain"])
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(dashboard.DatasourceVariable(SOURCE).label("Prometheus").type("prometheus"))
    )
    if board.room:
        made = made.with_variable(_datasets(board.room))
    for title, views in board.rows:
        made = made.with_row(dashboard.Row(title))
        for view in views:
            made = made.with_panel(_panel(view))
    return str(JSONEncoder(sort_keys=True, indent=2).encode(made.build())) + "\n"


def _datasets(room: str) -> dashboard.QueryVariable:
    query = f'label_values(watermain_promise_info{{room="{room}"}}, dataset)'
    return (
        dashboard.QueryVariable("dataset")
        .label("Dataset")
        .datasource(_source())
        .query({"query": query, "refId": "datasets"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(True)
        .all_value(".*")
        .multi(True)
    )


def _source() -> DataSourceRef:
    return DataSourceRef(type_val="prometheus", uid=f"${{{SOURCE}}}")


def _panel(view: View) -> Panel:
    panel = _KINDS[view.kind]()
    panel = (
        panel.title(view.title)
        .description(view.told)
        .unit(view.unit)
        .datasource(_source())
        .span(view.width)
        .height(LOW if view.kind == "number" else HEIGHT)
    )
    if view.bad_above is not None or view.good_above is not None:
        panel = panel.thresholds(_limits(view))
    for number, query in enumerate(view.queries):
        asked = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + number))
        asked = asked.legend_format(query.legend) if query.legend else asked
        is_table = view.kind == "table"
        panel = panel.with_target(
            asked.instant().format(PromQueryFormat.TABLE) if is_table else asked.range()
        )
    return panel


def _limits(view: View) -> dashboard.ThresholdsConfig:
    """Green up to a limit and red above, or the other way round."""
    limit = view.bad_above if view.good_above is None else view.good_above
    colors = (GREEN, RED) if view.good_above is None else (RED, GREEN)
    # Grafana turns at the limit itself; what is counted is bad from one on.
    least = 1 if limit == 0 else limit
    steps = [Threshold(value=None, color=colors[0]), Threshold(value=least, color=colors[1])]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
