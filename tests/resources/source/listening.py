"""A process that takes webhooks until it is killed."""

from __future__ import annotations

import sys
from pathlib import Path

from platform_assets.cli.listen import serve
from platform_assets.declare.web import Webhook
from resources.secrets import Secrets
from resources.settings import Settings
from resources.source.webhook_inbox import Inbox, Room
from resources.source.webhook_server import application


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
