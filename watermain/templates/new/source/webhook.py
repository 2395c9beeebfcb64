"""What team example_team captures from outside."""

import pyarrow as pa

from watermain import Column, Contract, Webhook, raw

example_table = raw(
    "example_team.raw.example_table",
    source=Webhook(
        connection="example_connection",
        path="/example_table",
    ),
    contract=Contract(
        grain="one row per event",
        key=("id",),
        version="0.1.0",
        columns=(Column("id", pa.string(), "what names the row"),),
    ),
    owner="team:example_team",
)
