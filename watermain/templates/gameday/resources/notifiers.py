"""Who is told: the sink of `watermain gameday`, at the port that it writes here."""

from watermain import NotifierConnection

sink = NotifierConnection("sink", address="json://127.0.0.1:9/")
