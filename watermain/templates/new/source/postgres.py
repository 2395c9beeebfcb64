"""What team example_team captures from outside."""

import pyarrow as pa

from watermain import Column, Contract, Postgres, raw

example_table = raw(
    "example_team.raw.example_table",
    source=Postgres(
        connection="example_connection",
        table="public.example_table",
    ),
    contract=Contract(
        grain="one row per change of a row of the source",
        key=("id",),
        version="0.1.0",
        columns=(Column("id", pa.string(), "what names the row"),),
    ),
    owner="team:example_team",
)
