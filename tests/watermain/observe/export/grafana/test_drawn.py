"""Dashboards, as strictly as Grafana's own linter would read them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.watermain.observe.export.seeded import ROOMS, seeded
from tests.watermain.observe.export.test_exposition import read
from watermain.observe.export.exposition import page
from watermain.observe.export.grafana.board import Board, PanelQuery
from watermain.observe.export.grafana.drawn import SOURCE, boards, drawn
from watermain.observe.export.grafana.room import room_board
from watermain.observe.export.prometheus.recording import recording
from watermain.observe.export.prometheus.rule import Recorded

BOARDS = boards(ROOMS)
NAME = re.compile(r"\b(watermain[a-z0-9_:]*)")
UNITS = {"short", "percentunit", "s", "bytes", "ops", "rowsps"}
PROBLEMS = {
    "a unit that is none": {"unit": ""},
    "an own data source": {"datasource": {"type": "prometheus", "uid": "mine"}},
    "no sentence": {"description": ""},
}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """What shows something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def complaints(board: dict[str, Any]) -> list[str]:
    """What Grafana would show badly, or not at all."""
    found = []
    kinds = {each["name"]: each["type"] for each in board["templating"]["list"]}
    if kinds.get(SOURCE) != "datasource":
        found.append("no variable for the data source")
    for panel in panels(board):
        told = panel["title"]
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            found.append(f"{told}: no unit")
        if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
            found.append(f"{told}: a data source that is not the variable")
        if not panel.get("description", "").endswith("."):
            found.append(f"{told}: no sentence")
        if not panel["targets"] or any(not target["expr"] for target in panel["targets"]):
            found.append(f"{told}: asks nothing")
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            found.append(f"{told}: beyond the page")
    return found


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboard_is_as_grafana_wants_it(board: Board) -> None:
    """Units, sentences, and one variable from which every panel takes its data source."""
    told = json.loads(drawn(board))
    assert complaints(told) == []
    assert len(panels(told)) == len(board.views)
    assert (told["uid"], told["editable"], told["timezone"]) == (board.uid, False, "utc")


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=list(PROBLEMS))
def test_reading_would_find_what_is_wrong(problem: dict[str, Any]) -> None:
    """One fault in the last panel is one complaint."""
    told = json.loads(drawn(BOARDS[0]))
    last = panels(told)[-1]
    (last["fieldConfig"]["defaults"] if "unit" in problem else last).update(problem)
    assert len(complaints(told)) == 1


def test_names_of_dashboards_are_unique_and_short() -> None:
    """By name Grafana knows one from another; a room with a long name keeps its own."""
    long = [f"{'a' * 50}_{number}" for number in range(3)]
    found = boards([*ROOMS, *long])
    uids = [board.uid for board in found]
    assert len(set(uids)) == len(uids) == 8
    assert max(map(len, uids)) <= 40
    assert [board.folder for board in BOARDS] == [
        *("Watermain", "Watermain", "Watermain", "Room billing", "Room weather")
    ]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboard_goes_through_grafana_s_library_and_back(board: Board) -> None:
    """What is read back writes the same text."""
    text = drawn(board)
    again = JSONEncoder(sort_keys=True, indent=2).encode(Dashboard.from_json(json.loads(text)))
    assert again + "\n" == text


def test_every_query_asks_for_series_that_exist() -> None:
    """Each is PromQL, of names that the page or a recording rule has."""
    known = set(read(page(seeded(datetime.now(UTC)))))
    rules = [rule for group in recording() for rule in group.rules]
    known |= {rule.record for rule in rules if isinstance(rule, Recorded)}
    queries = [q for board in BOARDS for view in board.views for q in view.queries]
    assert len(queries) > 30
    for query in queries:
        promql_parser.parse(query.expr)
        assert set(NAME.findall(query.expr)) <= known, query.expr


def test_room_s_dashboard_shows_no_other_room() -> None:
    """Every query is restricted to it."""
    board = room_board("billing")
    asked: list[PanelQuery] = [query for view in board.views for query in view.queries]
    assert all('dataset=~"billing[.].*"' in query.expr for query in asked)
    assert 'label_values(watermain_promise_info{room="billing"}, dataset)' in json.dumps(
        json.loads(drawn(board))["templating"]
    ).replace("\\", "")
