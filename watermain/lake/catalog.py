"""The address of the database that holds a lake's catalog."""

from __future__ import annotations

import re
from functools import lru_cache

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.declare.errors import MissingSettingError, UnreachableSystemError
from watermain.lake.waits import patient
from watermain.process.postgres import EmbeddedPostgres
from watermain.secrets import resolved
from watermain.settings import Settings, load_settings

EMBEDDED = "embedded"
VARIABLE = "WATERMAIN_POSTGRES"
_HERE = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}
_ADDRESS = re.compile(r"^.*Postgres at \".*\": ", re.DOTALL)


def catalog_address(settings: Settings) -> str:
    """The libpq string of the catalog database as it is set, its references still unresolved."""
    return settings.postgres or EmbeddedPostgres(settings.home / "postgres").dsn("watermain")


def catalog_dsn(settings: Settings) -> str:
    """The libpq string of the catalog database for one connection, secrets included."""
    return ready(catalog_address(settings), settings)


def ready(address: str, settings: Settings) -> str:
    """An address with its references resolved and its waits limited.

    Raises: MissingSettingError, or UnreachableSystemError of a Vault.
    """
    try:
        found = resolved(address, settings)
        # What was resolved is a secret, kept by nobody; what was not is asked for at each lease.
        return _patient(found, settings) if found == address else patient(found, settings)
    except psycopg.Error:  # its message would hold the address
        raise _no_address() from None


@lru_cache(maxsize=16)
def _patient(dsn: str, settings: Settings) -> str:
    return patient(dsn, settings)


def catalog_name(settings: Settings) -> str:
    """The catalog database as people may read it: without a secret and without a user."""
    if not settings.postgres:
        return EMBEDDED
    words = address_words(resolved(settings.postgres, settings))
    host = (words.get("host") or words.get("hostaddr") or "").lower()
    shown = {
        "service": words.get("service"),
        "host": this_machine(host) or None,
        "port": words.get("port") or ("5432" if host else None),
        "dbname": words.get("dbname") or words.get("user"),
    }
    return make_conninfo(**{k: v for k, v in shown.items() if v})


def this_machine(host: str) -> str:
    """A host's name, the same for each way to say this machine."""
    return _HERE.get(host, host)


def address_words(address: str) -> dict[str, str]:
    """A libpq string taken apart.

    Raises: MissingSettingError, which does not show it.
    """
    try:
        return {k: str(v) for k, v in conninfo_to_dict(address).items()}
    except psycopg.Error:
        raise _no_address() from None


def unreachable(
    error: BaseException,
    *,
    data: str = "nothing was published; what readers had stands as it was",
) -> UnreachableSystemError:
    """The error for a catalog database that does not answer; it shows no secret."""
    # The engine's words begin with the whole address, password included.
    said = _ADDRESS.sub("", str(error)).strip() or "no answer"
    reason = said.splitlines()[0][:200]
    return UnreachableSystemError(
        f"the lake's catalog database ({_named()}) does not answer: {reason}",
        declared=f"{VARIABLE}, or the embedded server in the data folder",
        data=data,
        next="watermain doctor" if load_settings().postgres else "watermain up",
    )


def _named() -> str:
    try:
        return catalog_name(load_settings())
    except (MissingSettingError, UnreachableSystemError):
        return "its address cannot be read"


def _no_address() -> MissingSettingError:
    return MissingSettingError.nothing_happened(
        f"{VARIABLE} is no libpq string",
        declared=VARIABLE,
        next=f"export {VARIABLE}='host=... dbname=... user=...'",
    )
