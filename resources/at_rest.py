"""The bytes of data files, read where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any

import pyarrow.parquet as pq

from platform_assets.declare.errors import UnreachableSystemError
from resources.checksum import Checksum, checksum, checksum_of
from resources.settings import Settings, load_settings

REMOTE = "s3://"
PART_BYTES = 8 * 2**20
_PATIENCE = timedelta(seconds=20)


class AtRest:
    """Sum files of a folder, or of a prefix on an S3-style store, each read once.

    Raises: FileNotFoundError, for a file that is gone; OSError, for one that the disk does not
    give; UnreachableSystemError, for a store that does not answer.
    """

    def __init__(self, folder: str, settings: Settings | None = None) -> None:
        self.is_remote = folder.startswith(REMOTE)
        self._settings = settings or load_settings()

    def checksum(self, path: str) -> Checksum:
        """The checksum of one file."""
        return checksum(self._parts(path)) if self.is_remote else checksum_of(path)

    def rows(self, path: str) -> int:
        """How many rows a Parquet file says that it holds.

        Raises: ArrowInvalid, for what is no Parquet file.
        """
        with self._system.open(path, "rb") if self.is_remote else open(path, "rb") as file:
            return int(pq.ParquetFile(file).metadata.num_rows)

    @cached_property
    def _system(self) -> Any:
        from s3fs import S3FileSystem  # slow to import

        settings, seconds = self._settings, _PATIENCE.total_seconds()
        endpoint = settings.s3_endpoint
        if endpoint and "://" not in endpoint:
            endpoint = f"https://{endpoint}"
        return S3FileSystem(
            key=settings.s3_key_id,
            secret=settings.s3_secret,
            endpoint_url=endpoint,
            client_kwargs={"region_name": settings.s3_region or "us-east-1"},
            config_kwargs={"connect_timeout": seconds, "read_timeout": seconds},
            skip_instance_cache=True,
            use_listings_cache=False,
        )

    def _parts(self, path: str) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            size = int(self._system.info(path)["size"])
            for begin in range(0, size, PART_BYTES):
                yield self._system.cat_file(path, start=begin, end=min(begin + PART_BYTES, size))
        except FileNotFoundError:
            raise
        except (BotoCoreError, ClientError, OSError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise UnreachableSystemError(
                f"the store of the lake's files does not answer: {reason}",
                declared="WATERMAIN_LAKE_PATH, WATERMAIN_S3_ENDPOINT",
                data=f"unchanged; {path} could not be read",
                next="watermain doctor",
            ) from error
