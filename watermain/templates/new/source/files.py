"""What team example_team captures from outside."""

import pyarrow as pa

from watermain import Column, Contract, Files, raw

example_table = raw(
    "example_team.raw.example_table",
    source=Files(
        connection="example_connection",
        pattern="example_table*.csv",
        format="csv",
    ),
    contract=Contract(
        grain="one row per line of each delivered file",
        key=("id",),
        version="0.1.0",
        columns=(Column("id", pa.string(), "what names the row"),),
    ),
    owner="team:example_team",
)
