"""What team sales captures from outside."""

import pyarrow as pa
from watermain import Column, Contract, Daily, Files, raw

orders = raw(
    "sales.raw.orders",
    source=Files(connection="inbox", pattern="orders-*.csv", format="csv"),
    contract=Contract(
        grain="one row per line of each delivered file",
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
    cadence=Daily(),
    owner="team:sales",
)
