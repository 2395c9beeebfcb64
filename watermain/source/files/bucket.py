"""The store that is a prefix on S3-style storage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from fsspec.utils import glob_translate

from watermain.lake.store import client_errors
from watermain.source.drop.store import Look, UnservedError, is_finished, too_many
from watermain.source.scratch import scratch_file

_COPY_BYTES = 4 * 2**20
_PATIENCE_SECONDS = 20.0
_ATTEMPTS = 3
_TRANSFERS = 2
_KNOWN = {"endpoint", "region", "authorities", "connect", "silent"}
_SHAPE = "s3://key:secret@bucket/prefix?endpoint=https://host:port&region=name"
_UNKNOWN_ASKER = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_BUSY = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "500", "502", "503"}


class Bucket:
    """List the objects under a prefix, and copy the one that is read into `scratch`.

    Guarantees: nothing of a listing is kept for the next one.
    Raises: UnservedError, without the address, which holds a secret.
    """

    def __init__(self, address: str, scratch: Path) -> None:
        parts, options = _parted(address)
        self.scratch = scratch
        self.bucket = parts.netloc.rpartition("@")[2]
        prefix = unquote(parts.path).strip("/")
        self.prefix = prefix + "/" if prefix else ""
        self._system = _system(parts.username, parts.password, options)

    def looks(self, pattern: str, most: int) -> list[Look]:
        """List what the pattern names, in no order."""
        wanted, found = re.compile(glob_translate(pattern)), []
        for count, each in enumerate(self._listed()):
            if count >= most:
                raise too_many(most)
            name = each["Key"].removeprefix(self.prefix)
            if is_finished(name) and not name.endswith("/") and wanted.match(name):
                found.append(_look(name, each))
        return found

    def holds_any(self) -> bool:
        """Say whether there is an object at all."""
        return bool(self._asked("list_objects_v2", Prefix=self.prefix, MaxKeys=1).get("Contents"))

    def again(self, look: Look) -> Look | None:
        """Look at an object once more."""
        try:
            found = self._asked("head_object", Key=look.place)
        except FileNotFoundError:
            return None
        return _look(look.name, {**found, "Key": look.place, "Size": found["ContentLength"]})

    def opened(self, look: Look) -> BinaryIO:
        """Copy an object into a nameless file, which vanishes when it is closed."""
        return scratch_file(self.scratch, self._parts(look))

    def may_grow(self) -> bool:
        """An object appears whole."""
        return False

    def _parts(self, look: Look) -> Iterator[bytes]:
        for begin in range(0, look.size, _COPY_BYTES):
            end = min(begin + _COPY_BYTES, look.size)
            with self._said():
                place = f"{self.bucket}/{look.place}"
                data = self._system.cat_file(place, start=begin, end=end)
            if len(data) != end - begin:
                raise FileNotFoundError(look.name)
            yield data

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = self._asked("list_objects_v2", Prefix=self.prefix, **token)
            yield from page.get("Contents", [])
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _asked(self, method: str, **words: str | int) -> Mapping[str, Any]:
        with self._said():
            found: Mapping[str, Any] = self._system.call_s3(method, Bucket=self.bucket, **words)
            return found

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turn what the store complains of into an error that tells what to do."""
        from botocore.exceptions import ClientError

        try:
            yield
        except client_errors() as error:
            cause = error if isinstance(error, ClientError) else error.__cause__
            answer = cause.response["Error"] if isinstance(cause, ClientError) else {}
            code = str(answer.get("Code", ""))
            if code in ("NoSuchKey", "404", "PreconditionFailed", "412", "InvalidRange", "416"):
                raise FileNotFoundError(code) from None
            raise _complaint(self.bucket, code or type(error).__name__) from None


def _parted(address: str) -> tuple[SplitResult, dict[str, str]]:
    try:
        parts = urlsplit(address)
        pairs = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
        if parts.scheme == "s3" and parts.hostname and not dict(pairs).keys() - _KNOWN:
            return parts, dict(pairs)
    except ValueError:
        pass  # the message must not hold the address
    raise UnservedError("the address is no folder, no S3 address", next=f"write `{_SHAPE}`")


def _complaint(bucket: str, code: str) -> UnservedError:
    what = f"the store of bucket {bucket!r} answered {code}"
    if code in _UNKNOWN_ASKER:
        return UnservedError(what, next="rotate the secret", credential=True)
    if code in ("AccessDenied", "403"):
        return UnservedError(what, next=f"allow the key to list and to get from {bucket!r}")
    if code == "NoSuchBucket":
        return UnservedError(what, next="mend the connection's address", passing=True)
    passing = code in _BUSY or code.endswith(("Error", "Timeout"))
    return UnservedError(what, next="watermain doctor", passing=passing)


def _system(key: str | None, secret: str | None, options: Mapping[str, str]) -> Any:
    from s3fs import S3FileSystem

    connect, silent = (float(options.get(n, _PATIENCE_SECONDS)) for n in ("connect", "silent"))
    verify = {"verify": options["authorities"]} if "authorities" in options else {}
    system = S3FileSystem(
        anon=not key,
        key=unquote(key) if key else None,
        secret=unquote(secret) if secret else None,
        endpoint_url=options.get("endpoint"),
        client_kwargs={"region_name": options.get("region", "us-east-1"), **verify},
        config_kwargs={
            "connect_timeout": connect,
            "read_timeout": silent,
            "retries": {"max_attempts": _ATTEMPTS},
        },
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    system.retries = _TRANSFERS  # the client beneath it tries each request again too
    return system


def _look(name: str, found: Mapping[str, Any]) -> Look:
    at = found["LastModified"]
    return Look(
        name, found["Key"], int(found["Size"]), int(at.timestamp()) * 10**9, (found["ETag"],)
    )
