"""A room of a stranger, declared with public words alone."""

from __future__ import annotations

from datetime import timedelta

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa

from watermain import (
    Column,
    Contract,
    Daily,
    Feature,
    Files,
    Quarantine,
    accepted_values,
    between,
    dataset,
    expression,
    feature_table,
    fresh_within,
    latest_delivery,
    matches,
    needs,
    raw,
    refers_to,
    row_count,
    steady,
)

INSTANT = pa.timestamp("us", "UTC")
DAYS = Daily(zone="America/New_York", late_for=timedelta(days=1))
SALE = (
    Column("id", pa.string(), "the sale"),
    Column("at", INSTANT, "when"),
    Column("amount", pa.decimal128(12, 2), "how much", unit="USD"),
    Column("customer", pa.int64(), "who bought"),
)

told = raw(
    "shop.raw.sales",
    source=Files(connection="till", pattern="sales*.csv", format="csv"),
    contract=Contract(grain="one row per telling", key=("id",), event_time="at", columns=SALE),
    cadence=DAYS,
    owner="team:shop",
)


@dataset(
    "shop.curated.sales",
    inputs={"told": "shop.raw.sales"},
    contract=Contract(
        grain="one row per sale",
        key=("id",),
        event_time="at",
        columns=SALE,
        quarantine=Quarantine(limit=0.5),
    ),
    checks=(between("amount", low=0), matches("id", "[a-z]+", severity="quarantine")),
    cadence=DAYS,
    owner="team:shop",
)
def sales(told: ibis.Table) -> ibis.Table:
    """Keep each sale as it was last told."""
    return latest_delivery(told, "id")


@dataset(
    "shop.curated.customers",
    inputs={"sales": "shop.curated.sales"},
    contract=Contract(
        grain="one row per customer",
        key=("customer",),
        columns=(
            Column("customer", pa.int64(), "who"),
            Column("sales", pa.int32(), "how many", nullable=False),
        ),
    ),
    checks=(row_count(low=1),),
    owner="team:shop",
)
def customers(sales: pd.DataFrame) -> pd.DataFrame:
    """Count the sales of each customer."""
    return sales.groupby("customer", as_index=False).agg(sales=("id", "count"))


@dataset(
    "shop.curated.checked",
    inputs={
        "sales": needs("shop.curated.sales", columns=("id", "at", "amount")),
        "notes": needs("elsewhere.curated.notes", columns=("id", "note"), optional=True),
    },
    contract=Contract(
        grain="one row per sale",
        key=("id",),
        event_time="at",
        columns=(*SALE[:2], Column("kind", pa.string(), "large or small"), *SALE[2:3]),
    ),
    checks=(
        accepted_values("kind", ("large", "small")),
        expression("large_is_large", "(kind = 'large') = (amount >= 100)"),
        refers_to("id", "shop.curated.sales"),
        fresh_within("at", timedelta(days=2)),
        steady(),
        row_count(low=1, high=3),
    ),
    cadence=DAYS,
    owner="team:shop",
)
def checked(sales: pl.DataFrame, notes: pa.Table) -> pl.DataFrame:
    """Tell large sales from small ones."""
    kind = pl.when(pl.col("amount") >= 100).then(pl.lit("large")).otherwise(pl.lit("small"))
    return sales.select("id", "at", "amount", kind=kind)


@dataset(
    "elsewhere.curated.notes",
    contract=Contract(
        grain="one row per note",
        key=("id",),
        columns=(Column("id", pa.string(), "of what"), Column("note", pa.string(), "what")),
    ),
    owner="team:elsewhere",
)
def notes() -> pa.Table:
    """Note nothing."""
    return notes.contract.schema.empty_table()


@feature_table(
    "shop.features.spent",
    inputs={"sales": "shop.curated.sales"},
    feature=Feature(entity=("customer",)),
    contract=Contract(
        grain="one row per customer and sale",
        key=("customer", "at"),
        event_time="at",
        columns=(SALE[3], SALE[1], Column("spent", pa.decimal128(38, 2), "so far")),
    ),
    owner="team:shop",
)
def spent(sales: pa.Table) -> pa.Table:
    """Sum up what a customer spent."""
    rows, totals = [], dict[int, object]()
    for row in sales.sort_by("at").to_pylist():
        totals[row["customer"]] = totals.get(row["customer"], 0) + row["amount"]
        rows.append(
            {"customer": row["customer"], "at": row["at"], "spent": totals[row["customer"]]}
        )
    return pa.Table.from_pylist(rows, schema=spent.contract.schema)
