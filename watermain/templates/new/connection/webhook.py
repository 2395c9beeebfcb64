"""The outside systems that the company's sources name."""

from watermain import WebhookConnection

# The secret that the sender signs with, by reference.
example_connection = WebhookConnection(
    "example_connection",
    secret="env:EXAMPLE_CONNECTION_SECRET",
)
