"""A code location with one dataset that is cut by days."""

from __future__ import annotations

import dagster as dg

from watermain.lake.lake import Lake
from watermain.orchestrate.instance.lake_resource import settled


@dg.asset(
    key=["shop", "curated", "sales"],
    partitions_def=dg.DailyPartitionsDefinition(start_date="2013-01-01", end_date="2014-01-01"),
)
def sales(lake: dg.ResourceParam[Lake]) -> None:
    """Never computed: its runs stay in the queue."""


defs = dg.Definitions(assets=[sales], resources={"lake": settled(Lake())})
