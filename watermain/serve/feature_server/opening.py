"""The reader for the online store that the settings name."""

from __future__ import annotations

from watermain.machine.extras import need
from watermain.online.address import VARIABLE, StoreAddress
from watermain.online.opening import open_store
from watermain.secrets import Secrets
from watermain.serve.feature_server.reader import Reader, ThreadReader
from watermain.settings import Settings


def reader_of(settings: Settings) -> Reader:
    """The fastest reader that the store has; a server is reached when it is first asked.

    Raises: MissingSettingError, for an address of no store; or MissingExtraError.
    """
    if settings.online_store is not None:
        named, secrets = settings.online_store, Secrets(settings)
        if named.startswith(("redis://", "rediss://")):
            need("redis", declared=VARIABLE)
            from watermain.serve.feature_server.redis_reader import RedisReader

            return RedisReader(lambda: StoreAddress(secrets.filled(named)))
    open_store(settings).close()
    return ThreadReader(lambda: open_store(settings))
