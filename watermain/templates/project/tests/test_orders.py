"""Known answers of sales.curated.orders."""

from datetime import UTC, datetime
from decimal import Decimal

from watermain.testing import run

from platform_assets.sales.curated import orders

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_orders_keep_the_last_delivery_of_each_order() -> None:
    """An order that is delivered twice counts once, as it was delivered last."""
    order = {"order_id": "1", "ordered_at": NINE, "customer": "Ada"}
    delivered = [{**order, "amount": Decimal("10.00")}, {**order, "amount": Decimal("12.00")}]
    assert run(orders, delivered=delivered) == [{**order, "amount": Decimal("12.00")}]
