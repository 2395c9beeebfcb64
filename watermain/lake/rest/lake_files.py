"""What lies where a lake keeps its files: a folder, or a prefix of an S3-style store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from watermain.lake import store
from watermain.settings import Settings

UNCHANGED = "nothing more was deleted; what the catalog names stands"


@dataclass(frozen=True, kw_only=True)
class LakeFile:
    """A file, or an upload that was never ended; `path` begins at the lake's folder."""

    path: str
    size: int
    at: datetime
    upload: str = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class LakeFiles(Protocol):
    """List what lies under a lake's folder; remove some of it."""

    def listed(self) -> Iterator[LakeFile]: ...

    def remove(self, files: Sequence[LakeFile]) -> None: ...


class LocalFiles:
    """The files under a folder; what is hidden there is somebody else's."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def listed(self) -> Iterator[LakeFile]:
        """Every file."""
        for place, folders, names in os.walk(self.folder):
            folders[:] = [each for each in folders if not each.startswith(".")]
            for name in names:
                path = Path(place, name)
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue  # its writer took it back
                at = datetime.fromtimestamp(found.st_mtime, UTC)
                relative = str(path.relative_to(self.folder))
                yield LakeFile(path=relative, size=found.st_size, at=at)

    def remove(self, files: Sequence[LakeFile]) -> None:
        """Delete files; one that is gone already is as wished."""
        for each in files:
            (self.folder / each.path).unlink(missing_ok=True)


class StoredFiles:
    """The objects under a prefix, and uploads that were never ended.

    Raises: UnreachableSystemError.
    """

    def __init__(self, folder: str, settings: Settings) -> None:
        self.settings = settings
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        self.bucket, self.prefix = bucket, f"{prefix.strip('/')}/".lstrip("/")
        with store.answering(settings, data=UNCHANGED):
            self._system = store.client(settings)

    def listed(self) -> Iterator[LakeFile]:
        """Every object, and then every unended upload."""
        for each in self._paged("list_objects_v2", "Contents"):
            path = str(each["Key"]).removeprefix(self.prefix)
            yield LakeFile(path=path, size=int(each["Size"]), at=each["LastModified"])
        for each in self._paged("list_multipart_uploads", "Uploads"):
            path, upload = str(each["Key"]).removeprefix(self.prefix), str(each["UploadId"])
            yield LakeFile(path=path, size=0, at=each["Initiated"], upload=upload)

    def remove(self, files: Sequence[LakeFile]) -> None:
        """Delete objects and abort uploads."""
        for each in files:
            words = {"Bucket": self.bucket, "Key": self.prefix + each.path}
            if each.upload:
                self._asked("abort_multipart_upload", **words, UploadId=each.upload)
            else:
                self._asked("delete_object", **words)

    def _paged(self, method: str, part: str) -> Iterable[dict[str, Any]]:
        words: dict[str, str] = {}
        while True:
            page = self._asked(method, Bucket=self.bucket, Prefix=self.prefix, **words)
            yield from page.get(part) or ()
            if not page.get("IsTruncated"):
                return
            words = (
                {"ContinuationToken": page["NextContinuationToken"]}
                if "NextContinuationToken" in page
                else {
                    "KeyMarker": page["NextKeyMarker"],
                    "UploadIdMarker": page["NextUploadIdMarker"],
                }
            )

    def _asked(self, method: str, **words: str) -> dict[str, Any]:
        with store.answering(self.settings, data=UNCHANGED):
            found: dict[str, Any] = self._system.call_s3(method, **words)
            return found


def lake_files(folder: str, settings: Settings) -> LakeFiles:
    """What lies in a lake's folder, wherever that is."""
    return StoredFiles(folder, settings) if store.is_remote(folder) else LocalFiles(folder)
