"""The outside systems, which `watermain gameday` plays."""

from watermain import FilesConnection

drop = FilesConnection("drop", address="./drop")
