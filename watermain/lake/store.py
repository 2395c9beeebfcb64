"""The S3-style store that holds the files of a lake on servers of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb

from watermain.declare.errors import (
    LostFileError,
    TransientError,
    UnreachableSystemError,
    WatermainError,
)
from watermain.lake.belonging import files_name
from watermain.lake.waits import client_words
from watermain.machine.extras import need
from watermain.secrets import resolved
from watermain.settings import Settings, load_settings

UNCHANGED = "nothing was published; what readers had stands as it was"
SETTINGS = "WATERMAIN_LAKE_PATH, WATERMAIN_S3_ENDPOINT, or lake.json in the data folder"
_REQUEST = re.compile(r"(?P<why>[^\n]*?) ?error for HTTP (?P<verb>[A-Z]+) to '(?P<url>[^']*)'")
_ANSWER = re.compile(r"HTTP(?: error| Error)?(?: code)?:? (?P<code>[1-5]\d\d)\b")
_ERROR = re.compile(r"^(?:[A-Za-z ]+ Error: )+")
_URL = re.compile(r"(?:https?|s3)://[^\s'\"?]+")
_CODE = re.compile(r"^([A-Z][A-Za-z0-9]+): ", re.MULTILINE)
_MISSING = ("404", "NoSuchKey", "NoSuchBucket")


def is_remote(folder: str) -> bool:
    """Whether files lie in a store, not in a folder of this machine."""
    return folder.startswith("s3://")


def engine_secret(settings: Settings) -> Mapping[str, str]:
    """The words of the secret by which the engine reaches the store, read now."""
    _, _, host = (settings.s3_endpoint or "s3.amazonaws.com").rpartition("://")
    return {
        "key_id": resolved(settings.s3_key_id or "", settings),
        "secret": resolved(settings.s3_secret or "", settings),
        "region": settings.s3_region or "us-east-1",
        "endpoint": host.rstrip("/"),
        "url_style": "path",
    }


def client(settings: Settings) -> Any:
    """A client of our own for the store, with its waits limited.

    Raises: MissingExtraError.
    """
    need("s3", declared=SETTINGS)
    from s3fs import S3FileSystem

    key = resolved(settings.s3_key_id or "", settings)
    endpoint = settings.s3_endpoint
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    system = S3FileSystem(
        anon=not key,
        key=key or None,
        secret=resolved(settings.s3_secret or "", settings) or None,
        endpoint_url=endpoint,
        client_kwargs={"region_name": settings.s3_region or "us-east-1"},
        config_kwargs={**client_words(settings), "s3": {"addressing_style": "path"}},
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    system.retries = 1  # each of its own would be tried again by the client beneath it
    return system


def client_errors() -> tuple[type[Exception], ...]:
    """What a client of our own may raise for its requests, or for a transfer that is cut off."""
    from aiohttp import ClientError as TransferError
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, TransferError, OSError)


@contextmanager
def answering(
    settings: Settings, *, data: str = UNCHANGED, passing: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turn what a client of our own meets into an error that says what to do.

    Shapes: `passing` are errors that say something else to the caller.
    Raises: UnreachableSystemError.
    """
    from botocore.exceptions import ClientError

    try:
        yield
    except passing:
        raise
    except client_errors() as error:
        cause = error if isinstance(error, ClientError) else error.__cause__
        answer = cause.response if isinstance(cause, ClientError) else {}
        code = str(answer.get("Error", {}).get("Code", ""))
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        why = f"it answered {code}" if code else _URL.sub("it", said)
        raise _unreachable(why, settings, data) from error


def failure(error: BaseException, *, data: str = UNCHANGED) -> WatermainError | None:
    """What an engine's error says of the store; None when it says nothing of it.

    LostFileError is for a file that the store no longer has; everything else passes.
    """
    message = str(error)
    if not isinstance(error, duckdb.Error):
        return None
    request, answer = _REQUEST.search(message), _ANSWER.search(message)
    if request is None and (answer is None or "://" not in message):
        return None
    settings = load_settings()
    if not is_remote(settings.lake_folder):
        return None
    code = answer["code"] if answer else ""
    named = _CODE.search(message)
    if code in _MISSING:
        return _lost(message, settings)
    url = request["url"] if request else next(iter(_URL.findall(message)), "")
    verb = f"{request['verb']} of " if request else ""
    if code:
        why = f"answered {code}" + (f" {named[1]}" if named else "")
    else:
        why = _ERROR.sub("", request["why"]).strip().lower() if request else "no answer"
    tried = url.split("?")[0].rstrip(":").rpartition("/")[2]
    return _unreachable(f"{verb}{tried}: {why}", settings, data)


def _unreachable(why: str, settings: Settings, data: str) -> TransientError:
    tries = "" if "answered 4" in why else f" (tried {settings.request_retries + 1} times)"
    return UnreachableSystemError(
        f"the lake's store {files_name(settings)} does not serve us: {why}{tries}",
        declared=SETTINGS,
        data=data,
        next="watermain doctor",
    )


def _lost(message: str, settings: Settings) -> WatermainError:
    found = _URL.findall(message)
    whole = [url for url in found if url.endswith(".parquet")]  # a shown statement is cut short
    named = (whole or found)[-1:]
    name = named[0].rstrip(":").rpartition("/")[2] if named else "a file"
    return LostFileError(
        f"the lake's store {files_name(settings)} has no {name}, or no such bucket",
        declared=SETTINGS,
        data="the catalog names a file that the store does not have; nothing was changed",
        next="watermain doctor; if it is well, bring the object back from the store's versions",
    )
