"""What is found at the end of a connection that others begin."""

from __future__ import annotations

from watermain.declare.connection.web import WebhookConnection
from watermain.declare.outside.web import Webhook
from watermain.source.outside import Outside


def found(word: WebhookConnection, outside: Outside) -> str:
    """Read each secret that a sender may sign with."""
    secrets = outside.secrets()
    references = word.applied(Webhook(path="/", connection=word.name)).secrets
    for reference in references:
        secrets.read(reference)
    return f"secrets that can be read: {len(references)}, scheme {word.scheme}"
