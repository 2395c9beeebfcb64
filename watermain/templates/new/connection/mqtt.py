"""The outside systems that the company's sources name."""

from watermain import MqttConnection

# A password is a reference, as other secrets are.
example_connection = MqttConnection(
    "example_connection",
    address="mqtt://localhost:1883",
)
