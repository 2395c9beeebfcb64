"""Known answers of sales.curated.orders."""

import ibis
import pyarrow as pa

from platform_assets.sales.curated import orders


def test_orders_keep_the_last_delivery_of_each_order() -> None:
    """An order that is delivered twice counts once, as it was delivered last."""
    delivered = pa.table(
        {
            "order_id": ["1", "1"],
            "customer": ["Ada", "Ada"],
            "amount": [10, 12],
            "_delivered_at": [1, 2],
            "_file": ["a.csv", "b.csv"],
            "_row": [1, 1],
        }
    )
    found = orders(delivered=ibis.memtable(delivered)).to_pyarrow().to_pylist()
    assert found == [{"order_id": "1", "customer": "Ada", "amount": 12}]
