"""What team sales knows to be true."""

import ibis
import pyarrow as pa
from watermain import Column, Contract, Daily, between, dataset, latest_delivery


@dataset(
    "sales.curated.orders",
    inputs={"delivered": "sales.raw.orders"},
    contract=Contract(
        grain="one row per order, as it was delivered last",
        key=("order_id",),
        event_time="ordered_at",
        version="0.1.0",
        columns=(
            Column("order_id", pa.string(), "the order, stable across corrections"),
            Column("ordered_at", pa.timestamp("us", "UTC"), "when the customer ordered"),
            Column("customer", pa.string(), "who ordered"),
            Column("amount", pa.decimal128(12, 2), "what was ordered for", unit="EUR"),
        ),
    ),
    checks=(between("amount", low=0),),
    cadence=Daily(),
    owner="team:sales",
)
def orders(delivered: ibis.Table) -> ibis.Table:
    """Keep the last delivery of each order."""
    return latest_delivery(delivered, "order_id")
