"""The outside systems that the company's sources name."""

from watermain import RestConnection

# What is shown at each request goes into `auth`.
example_connection = RestConnection(
    "example_connection",
    address="https://localhost",
)
