"""What team example_team captures from outside."""

import pyarrow as pa

from watermain import Column, Contract, Mqtt, raw

example_table = raw(
    "example_team.raw.example_table",
    source=Mqtt(
        connection="example_connection",
        topic="example_table/+",
        device="device",
        sequence="sequence",
    ),
    contract=Contract(
        grain="one row per message of a device",
        key=("device", "sequence"),
        version="0.1.0",
        columns=(
            Column("device", pa.string(), "which device sent it"),
            Column("sequence", pa.int64(), "the number that the device gave it"),
        ),
    ),
    owner="team:example_team",
)
