"""The files that tell Dagster how the platform runs it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlencode

from watermain import durable
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import Settings, project

ROOMS_FILE = "workspace.yaml"  # in the warm process's folder, which that process writes
URL_VARIABLE = "DAGSTER_POSTGRES_URL"  # holds a password, so it never stands in a file
DATABASE = "dagster"
_FROM_VARIABLE = re.compile(r"postgres_url:\s+env:")
# Dagster stores the materializations of a range run at once when this is set.
BATCHED_EVENTS = {"DAGSTER_EVENT_BATCH_SIZE": "1000"}
DRIVER = "postgresql+psycopg2:"  # what dagster-postgres is written for


def dagster_home(settings: Settings) -> Path:
    """The folder that Dagster calls its home."""
    return settings.home / "dagster"


def storage_url(settings: Settings) -> str:
    """The SQLAlchemy address of the database that holds runs, events and schedules."""
    if not settings.postgres:
        return DRIVER + EmbeddedPostgres(settings.home / "postgres").url(DATABASE).partition(":")[2]
    from watermain.lake.catalog import address_words  # needless to whom has a server of its own
    from watermain.lake.waits import connection_words
    from watermain.secrets import resolved

    given = address_words(resolved(settings.postgres, settings))
    words = {**connection_words(settings), **given}
    database = quote(words.pop("dbname", "postgres"), safe="")
    user, password = words.pop("user", ""), words.pop("password", "")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return f"{DRIVER}//{login}@/{database}?{urlencode(words)}"


def instance_environment(settings: Settings) -> dict[str, str]:
    """The variables that every process needs which speaks to the Dagster instance."""
    found = {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        **BATCHED_EVENTS,
        "WATERMAIN_PROJECT": str(project().root),
        "WATERMAIN_DATA_DIR": str(settings.home),
    }
    if settings.postgres:
        found[URL_VARIABLE] = storage_url(settings)
    return found


def write_instance(settings: Settings) -> Path:
    """Write `dagster.yaml`; give Dagster's home."""
    home = dagster_home(settings)
    home.mkdir(parents=True, exist_ok=True)
    import yaml  # needless to whom asks where things are

    text = "# Written by `watermain up`; changes here do not last.\n" + yaml.safe_dump(
        instance_configuration(settings), sort_keys=False
    )
    path = home / "dagster.yaml"
    if not path.exists() or path.read_text() != text:
        durable.replace(path, text)
    return home


def is_outside(configuration: str) -> bool:
    """Whether a `dagster.yaml` of ours leads to a database outside, whose address it leaves out."""
    return _FROM_VARIABLE.search(configuration) is not None


def instance_configuration(settings: Settings) -> dict[str, object]:
    """What stands in `dagster.yaml`."""
    url = {"env": URL_VARIABLE} if settings.postgres else storage_url(settings)
    ticks = {"purge_after_days": {"skipped": 2, "success": 14, "failure": 30, "started": 2}}
    return {
        "storage": {
            "custom": {
                "module": "watermain.orchestrate.instance.connection",
                "class": "KeptPostgresStorage",
                "config": {"postgres_url": url},
            }
        },
        **_files(settings),
        **_work(settings),
        "auto_materialize": {"enabled": True, "use_sensors": True},
        "sensors": {"use_threads": True, "num_workers": 4},
        "schedules": {"use_threads": True, "num_workers": 2},
        "retention": {"schedule": ticks, "sensor": ticks, "auto_materialize": ticks},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def _files(settings: Settings) -> dict[str, object]:
    home = dagster_home(settings)
    return {
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home)},
        },
        "compute_logs": {
            "module": "watermain.orchestrate.instance.compute_logs",
            "class": "DirectComputeLogManager",
            "config": {"base_dir": str(home / "compute_logs")},
        },
    }


def _work(settings: Settings) -> dict[str, object]:
    """How runs start, are watched, and share the machine."""
    return {
        "run_launcher": {
            "module": "watermain.orchestrate.launch.launcher",
            "class": "WarmRunLauncher",
            "config": warm_configuration(settings),
        },
        "run_coordinator": {
            "module": "watermain.orchestrate.instance.coordinator",
            "class": "CheckedRunCoordinator",
            "config": {"dequeue_interval_seconds": 1},
        },
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 120,
            "cancel_timeout_seconds": 60,
            "max_resume_run_attempts": 0,
            "poll_interval_seconds": 10,
            "free_slots_after_run_end_seconds": 60,
        },
        "run_retries": {
            "enabled": True,
            "max_retries": 3,
            "retry_on_asset_or_op_failure": False,
        },
        "concurrency": {
            "runs": {"max_concurrent_runs": 4},
            "pools": {"default_limit": 4, "granularity": "op"},
        },
    }


def rooms_workspace(settings: Settings) -> Path:
    """The workspace file that leads to the code servers of the warm process, which writes it."""
    return dagster_home(settings) / "warm" / ROOMS_FILE


def warm_configuration(settings: Settings) -> dict[str, str | bool | list[str]]:
    """What the warm process is told: its folder, and what it serves and hands on."""
    return {
        "folder": str(rooms_workspace(settings).parent),
        "serve_rooms": True,
        "environment": ["DAGSTER_HOME", URL_VARIABLE, "WATERMAIN_*"],
    }
