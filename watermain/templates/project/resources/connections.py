"""The outside systems that sources name, each under the name that they say."""

from watermain import FilesConnection

inbox = FilesConnection("inbox", address="./inbox")
