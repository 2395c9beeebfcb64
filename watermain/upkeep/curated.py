"""What the platform costs to run."""

import ibis
import pyarrow as pa

from watermain.declare import Column, Contract, between, dataset


@dataset(
    "upkeep.curated.run_costs",
    inputs={"publishes": "upkeep.raw.publishes"},
    contract=Contract(
        grain="one row per dataset and UTC day of work",
        key=("dataset", "worked_on"),
        columns=(
            Column("dataset", pa.string(), "what was published"),
            Column("worked_on", pa.date32(), "UTC day"),
            Column("partitions", pa.int64(), "partitions published"),
            Column("rows_published", pa.int64(), "rows published"),
            Column("bytes", pa.int64(), "written to the lake", unit="bytes"),
            Column("seconds", pa.float64(), "wall time", unit="seconds"),
            Column("peak_memory", pa.int64(), "highest of the day", unit="bytes"),
        ),
    ),
    checks=(between("seconds", low=0), between("bytes", low=0)),
    owner="team:upkeep",
)
def run_costs(publishes: ibis.Table) -> ibis.Table:
    """Add up what each dataset cost on each day."""
    worked = publishes.mutate(worked_on=publishes.published_at.date())
    return worked.group_by("dataset", "worked_on").aggregate(
        partitions=worked.count(),
        rows_published=worked.rows_out.sum(),
        bytes=worked.bytes.sum(),
        seconds=worked.seconds.sum(),
        peak_memory=worked.peak_memory.max(),
    )
