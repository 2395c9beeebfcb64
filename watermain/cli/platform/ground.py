"""What must stand before any service starts: PostgreSQL, the lake, Dagster's files."""

from __future__ import annotations

import os

from watermain.cli.screen import ERR, step
from watermain.dbt.dbt import load_manifest, manifest_path, prepare_manifest
from watermain.dbt.dbt_fault import faults_of
from watermain.declare.errors import WatermainError
from watermain.engine.table.file_resident import settle as settled
from watermain.lake import ledger
from watermain.lake.belonging import proved
from watermain.lake.lake import Lake
from watermain.machine.extras import need
from watermain.machine.owner import claim
from watermain.privacy import close
from watermain.process.instance import write_instance
from watermain.process.platform import Services
from watermain.process.probe import probe_catalog, probe_files
from watermain.process.supervisor import UMASK
from watermain.settings import Settings, project
from watermain.trace.outlet import SETTING

DATABASES = ("watermain", "dagster")


def lay_ground(platform: Services) -> None:
    """Start PostgreSQL, and then make what is missing in it."""
    settings = platform.settings
    if settings.otlp_endpoint:
        need("traces", declared=SETTING)  # before services start that could do nothing
    close_folder(settings)

    claim(settings)
    proved(settings)  # before a server starts in a folder that belongs to another lake
    start_postgres(platform)

    with step("lake") as line:
        lake = Lake.from_settings(settings)
        probe_catalog(settings)
        probe_files(settings)  # before anything is made that would need it
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
            line.say(f"snapshot {lake.snapshot(connection)}, files in {short(lake.folder)}")
    settle(lake)
    with step("Dagster's instance") as line:
        line.say(short(str(write_instance(settings))))


def close_folder(settings: Settings) -> None:
    """Make the data folder its owner's alone; what this process makes in it is so too."""
    os.umask(UMASK)
    with step("data folder") as line:
        closed = close(settings)
        told = f"closed to others: {len(closed)} paths" if closed else "its owner's alone"
        line.say(f"{short(str(settings.home))}, {told}")


def settle(lake: Lake) -> None:
    """Write into files what an earlier release left in the catalog."""
    for done in settled(lake):
        if isinstance(done, WatermainError):
            ERR.print(f"  {done}", style="yellow")
            continue
        with step(f"{done.dataset} into files") as line:
            line.say(f"{done.rows} rows, the same before and after, in {done.files_after} files")


def start_postgres(platform: Services) -> None:
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
    """Compile the dbt project when its files changed; a company may have none."""
    if not project().dbt_folder.exists():
        return
    with step("dbt project") as line:
        before = _changed_at(manifest_path(settings))
        path = prepare_manifest(settings)
        done = "compiled" if _changed_at(path) != before else "unchanged"
        faults = faults_of(load_manifest(path))
        places = ", ".join(sorted({f"{project().dbt}/{f.path}:{f.line}" for f in faults}))
        line.say(f"{done}, wrong: {places}" if places else done)


def _changed_at(path: os.PathLike[str]) -> float | None:
    return os.stat(path).st_mtime if os.path.exists(path) else None


def short(path: str) -> str:
    """A path as seen from here."""
    shorter = os.path.relpath(path)
    return path if path.startswith("s3:") or shorter.startswith("..") else shorter
