"""What must stand before any service starts: PostgreSQL, the lake, Dagster's files."""

from __future__ import annotations

import os

from platform_assets.cli.screen import step
from resources.platform import Platform
from resources.settings import Settings

DATABASES = ("watermain", "dagster")


def lay_ground(platform: Platform) -> None:
    """Start PostgreSQL, then make what is missing in it."""
    settings = platform.settings
    start_postgres(platform)
    from resources import ledger
    from resources.instance import write_instance
    from resources.lake import Lake

    with step("lake") as line:
        lake = Lake.from_settings(settings)
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
            line.say(f"snapshot {lake.snapshot(connection)}, files in {short(lake.folder)}")
    with step("Dagster's instance") as line:
        line.say(short(str(write_instance(settings))))


def start_postgres(platform: Platform) -> None:
    """Start the embedded server, unless an outside one is set."""
    if platform.settings.postgres:
        return
    with step("PostgreSQL") as line:
        running = platform.server.running()
        platform.server.start()
        for name in DATABASES:
            platform.server.ensure_database(name)
        pid = platform.server.running()
        line.say(f"{'already runs' if running else 'started'}, process {pid}")


def prepare_marts(settings: Settings) -> None:
    """Compile the dbt project when its files changed."""
    from resources.dbt import manifest_path, prepare_manifest

    with step("dbt project") as line:
        before = _changed_at(manifest_path(settings))
        path = prepare_manifest(settings)
        line.say("compiled" if _changed_at(path) != before else "unchanged")


def _changed_at(path: os.PathLike[str]) -> float | None:
    return os.stat(path).st_mtime if os.path.exists(path) else None


def short(path: str) -> str:
    """A path as seen from here."""
    shorter = os.path.relpath(path)
    return path if path.startswith("s3:") or shorter.startswith("..") else shorter
