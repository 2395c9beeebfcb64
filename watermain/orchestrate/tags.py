"""The tags by which a run says what it was asked for."""

from __future__ import annotations

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
REBUILD = "watermain/rebuild"  # replace partitions although nothing has changed
REPLAY = "watermain/replay"  # let rows in quarantine try again
PLAN = "watermain/plan"  # the key of a request that the planner made
WHY = "watermain/why"
