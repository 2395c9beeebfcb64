"""What team example_team captures from outside."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from watermain import Column, Contract, Increment, Rest, raw

example_table = raw(
    "example_team.raw.example_table",
    source=Rest(
        connection="example_connection",
        path="/v1/example_table",
        records="items",
        window=Increment(
            since="since",
            until="until",
            start=datetime(2026, 1, 1, tzinfo=UTC),
            every=timedelta(hours=1),
        ),
    ),
    contract=Contract(
        grain="one row per record of the service",
        key=("id",),
        version="0.1.0",
        columns=(Column("id", pa.string(), "what names the row"),),
    ),
    owner="team:example_team",
)
