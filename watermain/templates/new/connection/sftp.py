"""The outside systems that the company's sources name."""

from watermain import SftpConnection

# Secrets are references: env:NAME, file:/path or vault:path#field.
example_connection = SftpConnection(
    "example_connection",
    address="sftp://localhost/example_table",
    user="example",
    known_hosts="file:/etc/ssh/ssh_known_hosts",
    key="env:EXAMPLE_CONNECTION_KEY",
)
