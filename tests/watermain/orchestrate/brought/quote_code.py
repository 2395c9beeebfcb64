"""Plain assets around datasets: frames that are captured, a model that is trained, a report."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd
from sklearn.linear_model import LinearRegression

from watermain import read

QUOTES = dg.AssetKey(["shop", "curated", "quotes"])
GIVEN: dict[str, Any] = {}
DAYS = dg.StaticPartitionsDefinition(["east", "west"])


def frame(*prices: object) -> pd.DataFrame:
    """Quotes at these prices."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [{"id": n, "price": price, "at": at} for n, price in enumerate(prices)]
    return pd.DataFrame(rows)


@dg.asset
def quotes() -> pd.DataFrame:
    """What some code of the team's fetches."""
    found: pd.DataFrame = GIVEN["quotes"]
    return found


@dg.asset(partitions_def=DAYS, required_resource_keys={"lake"})
def regions(context: dg.AssetExecutionContext) -> Any:
    """The same by region."""
    return GIVEN[context.partition_key]


@dg.asset(ins={"quotes": dg.AssetIn(QUOTES)})
def model(context: dg.AssetExecutionContext, quotes: pd.DataFrame) -> LinearRegression:
    """A line through all quotes."""
    fitted = LinearRegression().fit(quotes[["id"]].to_numpy(), quotes["price"].astype(float))
    context.add_output_metadata({"slope": float(fitted.coef_[0])})
    return fitted


@dg.asset(deps=[QUOTES])
def report(model: LinearRegression) -> str:
    """What people read, from one snapshot that the report names."""
    told = read.query("select count(*) as n, max(price) as top from shop.curated.quotes",
                      declared=lambda: GIVEN["declared"])  # fmt: skip
    (row,) = told.rows.to_pylist()
    text = f"{row['n']} quotes up to {row['top']}, next {model.predict([[3]])[0]:.1f}"
    GIVEN["report"] = f"{text} (snapshot {told.snapshot})"
    return text
