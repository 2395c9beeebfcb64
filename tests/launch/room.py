"""A code location with one dataset that is cut by days."""

from __future__ import annotations

import dagster as dg

from launch.lake_resource import settled
from resources.lake import Lake


@dg.asset(
    key=["shop", "curated", "sales"],
    partitions_def=dg.DailyPartitionsDefinition(start_date="2013-01-01", end_date="2014-01-01"),
)
def sales(lake: dg.ResourceParam[Lake]) -> None:
    """Never computed: its runs stay in the queue."""


defs = dg.Definitions(assets=[sales], resources={"lake": settled(Lake())})
