"""The outside systems that the company's sources name."""

from watermain import FilesConnection

# A folder as seen from the project, or a prefix of a bucket: s3://bucket/prefix.
example_connection = FilesConnection(
    "example_connection",
    address="./inbox",
)
