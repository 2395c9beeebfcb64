"""A process that takes webhooks until it is killed."""

from __future__ import annotations

import sys
from pathlib import Path

from watermain.cli.listen.listen import serve
from watermain.declare.outside.web import Webhook
from watermain.secrets import Secrets
from watermain.settings import Settings
from watermain.source.webhook.webhook_inbox import Inbox, Room
from watermain.source.webhook.webhook_server import application


def main() -> None:
    """Take events for one folder, in small segments."""
    home, port = Path(sys.argv[1]), int(sys.argv[2])
    word = Webhook(path="/hooks/things", scheme="watermain", secret=f"file:{home / 'secret'}")
    secrets = Secrets(Settings(data_dir=home))
    room = Room(segment_bytes=4000)
    serve(
        application({word.path: lambda: Inbox(word, home / "inbox", secrets, room=room)}),
        "127.0.0.1",
        port,
    )


if __name__ == "__main__":
    main()
