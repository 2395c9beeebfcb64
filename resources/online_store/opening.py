"""The online store that the settings name, opened."""

from __future__ import annotations

from platform_assets.declare.errors import MissingSettingError
from resources.clock import Clock
from resources.online_store.address import VARIABLE, StoreAddress
from resources.online_store.protocol import OnlineStore
from resources.secrets import Secrets
from resources.settings import Settings

EMBEDDED = "online.sqlite"


def open_store(settings: Settings, clock: Clock | None = None) -> OnlineStore:
    """The store of a setting; a server is reached when it is first asked.

    Shapes: None is a file in the data folder; else an address, which may hold secret references.
    Raises: MissingSettingError, for any other address.
    """
    if settings.online_store is None:
        from resources.online_store.sqlite import SqliteStore

        return SqliteStore(settings.home / EMBEDDED, clock)
    url = Secrets(settings).filled(settings.online_store)
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss"):
        from resources.online_store.redis import RedisStore

        return RedisStore(StoreAddress(url), clock)
    if scheme in ("postgresql", "postgres"):
        from resources.online_store.postgres import PostgresStore

        return PostgresStore(StoreAddress(url), clock)
    raise MissingSettingError(
        f"environment variable {VARIABLE} is no address of an online store",
        declared="the environment",
        data="nothing was read or written",
        next=f"export {VARIABLE}=redis://host:6379/0 or postgresql://host/database, or unset it",
    )
