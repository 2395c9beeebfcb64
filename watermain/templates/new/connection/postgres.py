"""The outside systems that the company's sources name."""

from watermain import PostgresConnection

# Secrets are references: env:NAME, file:/path or vault:path#field.
example_connection = PostgresConnection(
    "example_connection",
    address="host=localhost dbname=example_team user=example",
    password="env:EXAMPLE_CONNECTION_PASSWORD",
)
