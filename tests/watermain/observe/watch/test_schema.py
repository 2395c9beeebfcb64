"""Columns that contracts do not know."""

from __future__ import annotations

from tests.watermain.engine.promise.promises import june
from tests.watermain.observe.watch.failures import ORDERS, OTHER
from watermain.observe.watch.schema import SeenColumn, unknown


def test_columns_beyond_a_contract_are_a_ticket_until_it_knows_them() -> None:
    """One for each dataset, since the first of them was seen."""
    seen = [
        SeenColumn(ORDERS, "tip", "evolved", june(2)),
        SeenColumn(ORDERS, "gate", "diverted", june(1)),
        SeenColumn(OTHER, "fee", "evolved", june(1)),
    ]
    (found,) = unknown(seen, {ORDERS: ["order_id"], OTHER: ["fee"]})
    assert (found.dataset, found.severity, found.at) == (ORDERS, "ticket", june(1))
    assert found.told == "its source shows `gate`, `tip`, kept as diverted or evolved"
    assert unknown(seen, {ORDERS: ["gate", "tip"], OTHER: ["fee"]}) == []
