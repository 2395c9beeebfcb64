"""A dashboard as values: rows of views, each with its queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ViewKind = Literal["number", "lines", "table"]


@dataclass(frozen=True)
class PanelQuery:
    """An expression of PromQL, with what the legend calls its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class View:
    """One panel.

    Shapes: `unit` is a unit of Grafana; `told` says in a sentence what is seen; `width` is in
    twenty-fourths of the page; `good_above` or `bad_above` is where a number turns green or red.
    """

    title: str
    kind: ViewKind
    unit: str
    queries: tuple[PanelQuery, ...]
    told: str
    width: int = 12
    bad_above: float | None = None
    good_above: float | None = None


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard; `folder` is where Grafana shows it, and `room` the only one that it shows."""

    uid: str
    title: str
    folder: str
    told: str
    rows: tuple[tuple[str, tuple[View, ...]], ...]
    room: str = ""

    @property
    def path(self) -> str:
        """Where its file lies in the written folder."""
        return f"dashboards/{self.folder}/{self.uid}.json"

    @property
    def views(self) -> tuple[View, ...]:
        """Every panel."""
        return tuple(view for _, views in self.rows for view in views)


def number(title: str, expr: str, told: str, unit: str = "short", **words: float) -> View:
    """A view of one number."""
    limits = {name: words.get(name) for name in ("bad_above", "good_above")}
    return View(
        title=title,
        kind="number",
        unit=unit,
        queries=(PanelQuery(expr),),
        told=told,
        width=6,
        **limits,
    )


def lines(title: str, told: str, unit: str, *queries: PanelQuery, width: int = 12) -> View:
    """A view of series over time."""
    return View(title=title, kind="lines", unit=unit, queries=queries, told=told, width=width)


def table(title: str, told: str, unit: str, *queries: PanelQuery, width: int = 24) -> View:
    """A view of the present, a line for each series."""
    return View(title=title, kind="table", unit=unit, queries=queries, told=told, width=width)
