"""The online store that the settings name, opened."""

from __future__ import annotations

from watermain.clock import Clock
from watermain.declare.errors import MissingSettingError
from watermain.machine.extras import need
from watermain.online.address import VARIABLE, StoreAddress
from watermain.online.protocol import OnlineStore
from watermain.secrets import Secrets
from watermain.settings import Settings

EMBEDDED = "online.sqlite"


def open_store(settings: Settings, clock: Clock | None = None) -> OnlineStore:
    """The store of a setting; a server is reached when it is first asked.

    Shapes: None is a file in the data folder; anything else is an address, which may hold secret
    references.
    Raises: MissingSettingError, for any other address; or MissingExtraError.
    """
    if settings.online_store is None:
        from watermain.online.sqlite import SqliteStore

        return SqliteStore(settings.home / EMBEDDED, clock)
    url = Secrets(settings).filled(settings.online_store)
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        need("redis", declared=VARIABLE)
        from watermain.online.redis import RedisStore

        return RedisStore(StoreAddress(url), clock)
    if scheme in ("postgresql", "postgres"):
        from watermain.online.postgres import PostgresStore

        return PostgresStore(StoreAddress(url), clock)
    raise MissingSettingError.nothing_happened(
        f"environment variable {VARIABLE} is no address of an online store",
        declared="the environment",
        next=f"export {VARIABLE}=redis://host:6379/0 or postgresql://host/database, or unset it",
    )
