"""The lake that a data folder belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import psycopg
from psycopg.pq import Conninfo

from watermain import durable
from watermain.declare.errors import MissingSettingError, OtherLakeError
from watermain.lake.catalog import (
    EMBEDDED,
    address_words,
    catalog_dsn,
    catalog_name,
    this_machine,
    unreachable,
)
from watermain.secrets import masked
from watermain.settings import LAKE_FILE, PREFIX, Settings, remembered_text, spoilt_memory

NEVER = "nothing was read or written"
FIELDS = ("postgres", "lake_path", "s3_endpoint", "s3_region", "s3_key_id", "s3_secret")
_HIDDEN = "hidden"  # stands for a reference while an address is taken apart
_LOGIN = re.compile(r"//[^/@]*@")
_THERE = re.compile(r"existing data path in the catalog \"([^\"]*)\"")
_ID = "select id::text from watermain.lake"


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """What a data folder remembers: names for people, and settings that lead to the lake again.

    `withheld` are settings that held a secret as plain text, which is never written down.
    """

    catalog: str
    files: str
    id: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()


def belonging(home: Path) -> Belonging | None:
    """What the data folder remembers; None before it has a lake."""
    return _read(remembered_text(home))


@lru_cache(maxsize=16)
def _read(text: str) -> Belonging | None:
    if not text:
        return None
    try:
        found = json.loads(text)
        return Belonging(**{**found, "withheld": tuple(found.get("withheld", ()))})
    except (ValueError, TypeError, AttributeError) as error:
        raise spoilt_memory() from error


def remember(settings: Settings) -> None:
    """Write down which lake the data folder belongs to.

    Guarantees: secret references are kept; secrets are not.
    """
    kept: dict[str, str] = {}
    withheld: list[str] = []
    for name in FIELDS:
        value = getattr(settings, name)
        if value:
            told = _told(name, str(value))
            kept |= {} if told is None else {PREFIX + name.upper(): told}
            withheld += [PREFIX + name.upper()] if told is None else []
    found = {
        "catalog": catalog_name(settings),
        "files": files_name(settings),
        "id": _id(settings),
        "settings": kept,
        "withheld": withheld,
    }
    text = json.dumps(found, indent=2) + "\n"
    if text == remembered_text(settings.home):
        return
    durable.replace(settings.home / LAKE_FILE, text)


def proved(settings: Settings) -> Settings:
    """Prove that the settings lead to the lake of the data folder, whatever the shell lacks.

    Guarantees: nothing is asked of anybody while the addresses are those that are remembered.
    Raises: OtherLakeError, naming both; MissingSettingError, for a secret that nobody gave.
    """
    held = belonging(settings.home)
    if held is None:
        _prove_unremembered(settings)
        return settings
    for variable in held.withheld:
        if getattr(settings, variable.removeprefix(PREFIX).lower()) is None:
            raise MissingSettingError(
                f"{variable} is not set; the data folder belongs to the lake at {held.catalog},"
                f" its files {held.files}, whose secret was plain text and is not remembered",
                declared=str(settings.home / LAKE_FILE),
                data=NEVER,
                next=f"export {variable}=...  (a reference such as file:/run/secrets/... is kept)",
            )
    catalog, files = catalog_name(settings), files_name(settings)
    if files == held.files and (catalog == held.catalog or _is_same(settings, held)):
        return settings
    raise OtherLakeError(
        f"the data folder belongs to the lake at {held.catalog}, its files {held.files};"
        f" the settings lead to {catalog}, its files {files}",
        declared=f"{settings.home / LAKE_FILE}; {PREFIX}POSTGRES, {PREFIX}LAKE_PATH,"
        f" {PREFIX}S3_ENDPOINT",
        data=NEVER,
        next=f"unset these variables, or set {PREFIX}DATA_DIR to another folder; to give the"
        f" folder to the other lake for good: rm {settings.home / LAKE_FILE}",
    )


def other_files(folder: str, said: str) -> OtherLakeError:
    """The error for a catalog whose files lie elsewhere than the settings say."""
    there = _THERE.search(said)
    return OtherLakeError(
        f"the catalog's files lie in {there[1] if there else 'another folder'}, not in {folder}",
        declared=f"{PREFIX}LAKE_PATH, or {PREFIX}DATA_DIR",
        data=NEVER,
        next=f"set {PREFIX}LAKE_PATH to where they lie, or take another catalog",
    )


def files_name(settings: Settings) -> str:
    """Where the lake's files lie, as people may read it."""
    path = settings.lake_path
    if not path:
        return EMBEDDED
    if not path.startswith("s3://"):
        return str(Path(path).resolve())
    scheme, _, host = (settings.s3_endpoint or "https://s3.amazonaws.com").rpartition("://")
    host = host.rstrip("/").rpartition("@")[2].lower()
    name, _, port = host.partition(":")
    port = port or ("80" if scheme == "http" else "443")
    return f"{path.rstrip('/')} at {this_machine(name)}:{port}"


def _told(name: str, value: str) -> str | None:
    """A setting as it may be written down; None for one that holds a secret."""
    if name == "s3_secret":
        return value if masked(value, _HIDDEN) == _HIDDEN else None
    if name == "s3_endpoint":
        return _LOGIN.sub("//", value)
    if name == "lake_path" and not value.startswith("s3://"):
        return str(Path(value).resolve())
    if name != "postgres" or masked(value, _HIDDEN) == _HIDDEN:
        return value
    secrets = {each.keyword.decode() for each in Conninfo.get_defaults() if each.dispchar == b"*"}
    words = address_words(masked(value, _HIDDEN))
    plain = [k for k, v in words.items() if k in secrets and v != _HIDDEN]
    return None if plain else value


def _id(settings: Settings) -> str:
    """The name that the catalog gave itself when it was made; empty where it has none."""
    try:
        with psycopg.connect(catalog_dsn(settings)) as connection:
            row = connection.execute(_ID).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return ""
    except psycopg.OperationalError as error:
        raise unreachable(error, data=NEVER) from error
    return str(row[0]) if row else ""


def _is_same(settings: Settings, held: Belonging) -> bool:
    """Whether another address leads to the same catalog: a server moved, or stands behind one."""
    return bool(held.id) and _id(settings) == held.id


def _prove_unremembered(settings: Settings) -> None:
    """Know a folder of an earlier release by what it told Dagster of its database."""
    from watermain.process.instance import dagster_home, is_outside

    told = dagster_home(settings) / "dagster.yaml"
    if not told.exists() or is_outside(told.read_text()) == bool(settings.postgres):
        return
    was, now = ("outside", "embedded") if not settings.postgres else ("embedded", "outside")
    raise OtherLakeError(
        f"the data folder was used with an {was} PostgreSQL; the settings lead to an {now} one",
        declared=f"{told}; {PREFIX}POSTGRES",
        data=NEVER,
        next=f"set {PREFIX}POSTGRES as it was, or {PREFIX}DATA_DIR to another folder; to give the"
        f" folder to the other lake for good: rm {told}",
    )
