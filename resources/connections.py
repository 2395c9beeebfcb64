"""The outside systems of the demo's airport, each under the name that sources say.

Their addresses come from `watermain up`, which starts them wherever a port is free: it writes
`WATERMAIN_SOURCE_<NAME>` for each into the data folder.
"""

from datetime import timedelta

from watermain.declare import (
    FilesConnection,
    KafkaConnection,
    MqttConnection,
    PostgresConnection,
    RestConnection,
)

operations = PostgresConnection(
    "operations_db",
    connect_within=timedelta(seconds=10),
    silent_within=timedelta(minutes=2),
)
partner = FilesConnection("partner_drop")
movements = KafkaConnection("movement_bus", silent_within=timedelta(seconds=10))
stations = MqttConnection("field_stations", silent_within=timedelta(seconds=10))
weather = RestConnection(
    "weather",
    connect_within=timedelta(seconds=10),
    silent_within=timedelta(seconds=30),
)
