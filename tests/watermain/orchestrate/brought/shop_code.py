"""Dagster code as a team may have it, which reads datasets of the shop."""

import dagster as dg
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa

SALES, EVENTS = (dg.AssetKey(["shop", *name]) for name in (("curated", "sales"), ("raw", "events")))
DAYS = dg.DailyPartitionsDefinition("2013-01-01", end_offset=1)
HELD: dict[str, object] = {}


class Shelf(dg.IOManager):
    """The team's own I/O manager, under Dagster's default key."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        HELD["/".join(context.asset_key.path)] = obj

    def load_input(self, context: dg.InputContext) -> object:
        held = HELD["/".join(context.asset_key.path)]
        return held() if callable(held) else held


class Shop(dg.ConfigurableResource):
    """A resource of the team."""

    city: str


sales_elsewhere = dg.AssetSpec(SALES)  # as a project of its own would name it

tick = dg.AssetSpec("tick")  # what another system makes


@dg.asset(ins={"sales": dg.AssetIn(SALES)}, partitions_def=DAYS)
def report(context: dg.AssetExecutionContext, sales: pd.DataFrame, shop: Shop) -> str:
    """A text about one day."""
    return f"{shop.city} {context.partition_key}: {len(sales)} sales, {sales.amount.sum()}"


@dg.asset(ins={"sales": dg.AssetIn(SALES)})
def total(sales) -> int:  # type: ignore[no-untyped-def]
    """All days at once, in the frame that nobody named."""
    assert isinstance(sales, pd.DataFrame)
    return int(sales.amount.sum())


@dg.asset(ins={"sales": dg.AssetIn(SALES)})
def arrow(sales: pa.Table) -> int:
    """The dataset as Arrow's."""
    return sales.num_rows


@dg.asset(ins={"sales": dg.AssetIn(SALES)})
def lazy(sales: pl.LazyFrame) -> int:
    """The dataset as polars would read it."""
    return len(sales.collect())


@dg.asset(ins={"sales": dg.AssetIn(SALES)})
def counted_by_ibis(sales: ibis.Table) -> int:
    """The dataset as a body is given it."""
    return int(sales.count().execute())


@dg.asset(ins={"first": dg.AssetIn(SALES), "second": dg.AssetIn(EVENTS)})
def both(first: pa.Table, tick: int, second: pa.Table) -> list[int]:
    """Two datasets, with something between."""
    return [first.num_rows, tick, second.num_rows]


@dg.multi_asset(outs={"high": dg.AssetOut(), "low": dg.AssetOut()})
def bounds(total: int) -> tuple[int, int]:
    """Two assets of one step."""
    return total + 1, total - 1


@dg.asset(
    automation_condition=dg.AutomationCondition.eager(),
    deps=[SALES],
)
def page() -> None:
    """An asset that follows the dataset by itself."""


@dg.asset_check(asset=SALES)
def sales_are_known() -> dg.AssetCheckResult:
    """A check of the team's on a dataset of the platform's."""
    return dg.AssetCheckResult(passed=True)


@dg.op
def counted() -> int:
    """An op."""
    return 3


@dg.job
def count() -> None:
    """A job of ops."""
    counted()


totals = dg.define_asset_job("totals", selection=["total"], executor_def=dg.in_process_executor)
nightly = dg.ScheduleDefinition(job=totals, cron_schedule="0 5 * * *")


@dg.sensor(job=count)
def watch() -> dg.SkipReason:
    """A sensor."""
    return dg.SkipReason("nothing")


defs = dg.Definitions(
    assets=[report, total, arrow, lazy, counted_by_ibis, both, bounds, page, sales_elsewhere, tick],
    asset_checks=[sales_are_known],
    jobs=[count, totals],
    schedules=[nightly],
    sensors=[watch],
    resources={"io_manager": Shelf(), "shop": Shop(city="Kyoto")},
)
