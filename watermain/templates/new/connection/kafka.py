"""The outside systems that the company's sources name."""

from watermain import KafkaConnection

# Brokers, joined by commas; `sasl` and `tls` say how we prove ourselves.
example_connection = KafkaConnection(
    "example_connection",
    address="localhost:9092",
)
