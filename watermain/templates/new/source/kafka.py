"""What team example_team captures from outside."""

import pyarrow as pa

from watermain import Column, Contract, Kafka, raw

example_table = raw(
    "example_team.raw.example_table",
    source=Kafka(
        connection="example_connection",
        topic="example_table",
    ),
    contract=Contract(
        grain="one row per message",
        key=("id",),
        version="0.1.0",
        columns=(Column("id", pa.string(), "what names the row"),),
    ),
    owner="team:example_team",
)
