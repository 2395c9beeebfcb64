"""The platform's Dagster instance, opened without its web server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.instance import InstanceRef
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import OperationalError

from watermain.declare.errors import UnreachableSystemError


@contextmanager
def open_instance(home: Path, url: str) -> Iterator[dg.DagsterInstance]:
    """Open the instance whose `dagster.yaml` lies in a folder and whose database is at `url`.

    Raises: UnreachableSystemError, when its database does not answer.
    """
    if not (home / "dagster.yaml").exists():
        raise _unreachable(f"there is no instance in {home}")
    try:
        storage = {"storage": {"postgres": {"postgres_url": url}}}
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=storage)) as it:
            yield it
    except OperationalError as error:
        raise _unreachable(str(error.orig).strip().split("\n")[0]) from error
    except DagsterPostgresException as error:  # after several tries of its own
        raise _unreachable(str(error).strip().split("\n")[0]) from error


def _unreachable(reason: str) -> UnreachableSystemError:
    return UnreachableSystemError.nothing_happened(
        f"Dagster's database does not answer: {reason}",
        declared="dagster.yaml in the data folder, written by `watermain up`",
        next="watermain up",
    )
