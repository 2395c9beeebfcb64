"""Columns that contracts do not know."""

from __future__ import annotations

import json
from pathlib import Path

from tests.watermain.engine.promise.promises import june
from tests.watermain.observe.watch.failures import NOW, ORDERS, OTHER
from watermain.engine.rooms.last_good import FOLDER, FORMAT
from watermain.observe.watch.declared import declared
from watermain.observe.watch.schema import SeenColumn, unknown


def test_columns_beyond_a_contract_are_a_ticket_until_it_knows_them() -> None:
    """One for each dataset, since the first of them was seen, for a week at most."""
    seen = [
        SeenColumn(ORDERS, "tip", "evolved", june(2)),
        SeenColumn(ORDERS, "gate", "diverted", june(1)),
        SeenColumn(OTHER, "fee", "evolved", june(1)),
    ]
    (found,) = unknown(seen, {ORDERS: ["order_id"], OTHER: ["fee"]}, NOW)
    assert (found.dataset, found.severity, found.at) == (ORDERS, "ticket", june(1))
    assert found.told == "its source shows `gate`, `tip`, kept as diverted or evolved"
    assert unknown(seen, {ORDERS: ["gate", "tip"], OTHER: ["fee"]}, NOW) == []
    assert unknown(seen, {}, NOW) == []
    (later,) = unknown(seen, {ORDERS: ["order_id"]}, june(8))
    assert later.told == "its source shows `tip`, kept as evolved"
    assert unknown(seen, {ORDERS: ["order_id"]}, june(9)) == []


def test_what_a_contract_says_of_nested_columns_is_known_by_its_path(tmp_path: Path) -> None:
    """As the source shows it; a file that is torn says nothing."""
    leg = {"name": "legs", "items": {"properties": [{"name": "gate"}]}}
    crew = {"name": "crew", "properties": [{"name": "lead", "properties": [{"name": "id"}]}]}
    facts = {
        "name": str(ORDERS),
        "source": "kafka",
        "promise": {"schema": [{"properties": [leg, crew]}]},
    }
    (tmp_path / FOLDER).mkdir()
    told = json.dumps({"format": FORMAT, "datasets": [facts]})
    (tmp_path / FOLDER / "billing.json").write_text(told)
    (tmp_path / FOLDER / "torn.json").write_text(told[:-9])
    found = declared(tmp_path, ["billing", "torn", "nobody"])
    nested = {"legs", "legs[]", "legs[].gate", "crew", "crew.lead", "crew.lead.id"}
    assert {name: each.columns for name, each in found.items()} == {ORDERS: nested}
    assert found[ORDERS].is_captured
    assert found[ORDERS].cadence is None
