"""The outside systems, which `watermain gameday` plays, at the port that it writes here."""

from watermain import FilesConnection, RestConnection

drop = FilesConnection("drop", address="./drop")
tides = RestConnection("tides", address="http://127.0.0.1:9/")
