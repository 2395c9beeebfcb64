"""What team example_team knows to be true."""

import ibis
import pyarrow as pa

from watermain import Column, Contract, Daily, dataset, latest_delivery


@dataset(
    "example_team.curated.example_table",
    inputs={"example_input": "other_team.raw.example_input"},
    contract=Contract(
        grain="one row per example_key of other_team.raw.example_input",
        key=("example_key",),
        event_time="example_time",
        version="0.1.0",
        columns=(
            Column("example_key", pa.string(), "what names the row"),
            Column("example_time", pa.timestamp("us", "UTC"), "when it happened"),
        ),
    ),
    cadence=Daily(),
    owner="team:example_team",
)
def example_table(example_input: ibis.Table) -> ibis.Table:
    """Keep the key of each row of other_team.raw.example_input."""
    return latest_delivery(example_input, ("example_key",)).select("example_key", "example_time")
