"""The settings of the platform, read from the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from functools import cache, cached_property, lru_cache
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from watermain.declare.errors import MissingSettingError
from watermain.declare.schedule import schedule_complaints
from watermain.project import Project, find

PREFIX = "WATERMAIN_"
SOURCE = "WATERMAIN_SOURCE_"
LAKE_FILE = "lake.json"  # in the data folder: the lake that it belongs to
UPKEEP_SCHEDULE = "50 * * * *"  # the default, which stands without being proved each time


class Settings(BaseSettings):
    """Hold every setting; each is an environment variable with the prefix `WATERMAIN_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    project: Path | None = Field(
        None, description="the project's folder; found upwards from where a command stands"
    )
    data_dir: Path = Field(
        Path("data"), description="the folder that holds all state, as seen from the project"
    )
    postgres: str | None = Field(
        None,
        description="libpq string of a PostgreSQL to use instead of the embedded one;"
        " it may hold secret references",
        repr=False,
    )
    lake_path: str | None = Field(None, description="where Parquet lies: a folder or an s3:// URL")
    s3_endpoint: str | None = Field(
        None, description="host, or http(s):// address, of an S3-style store"
    )
    s3_region: str | None = Field(None, description="region of the S3-style store")
    s3_key_id: str | None = Field(
        None, description="key id for the S3-style store, or a reference to it"
    )
    s3_secret: str | None = Field(
        None, description="secret for the S3-style store, or a reference to it", repr=False
    )
    connect_seconds: int = Field(
        5, description="time for a connection to the lake's catalog or store to stand", ge=1
    )
    request_seconds: int = Field(
        10, description="time for the store, or the catalog on a lease, to answer once", ge=1
    )
    request_retries: int = Field(
        2, description="how often a request to the store is made again", ge=0, le=10
    )
    lock_seconds: int = Field(
        120, description="time for another writer's lock in the catalog to be let go", ge=1
    )
    hosts: str | None = Field(
        None, description="names that our web servers answer to beside localhost, by commas"
    )
    port: int = Field(3000, description="the port of Dagster's web server on 127.0.0.1")
    serve_keys: Path | None = Field(
        None, description="the file of the feature server's consumers; `serve-keys.json` by default"
    )
    serve_port: int = Field(3090, description="the port of the feature server on 127.0.0.1")
    metrics_port: int | None = Field(
        None,
        description="port of 127.0.0.1 on which `watermain observe` tells Prometheus its figures;"
        " none without it",
        ge=1,
        le=65535,
    )
    console_port: int = Field(3070, description="the port of the console on 127.0.0.1")
    memory_limit: str = Field("4GB", description="memory that one step's engine may use")
    threads: int = Field(2, description="threads that one step's engine may use", ge=1)
    data_since: date | None = Field(
        None, description="the first day of calendars whose declarations name no `start`"
    )
    lease_seconds: int = Field(30, description="silence after which a writer's lease moves", ge=1)
    batch_rows: int = Field(200_000, description="rows that close one captured batch", ge=1)
    read_seconds: float = Field(
        600.0, description="time after which a question of a person is stopped", gt=0
    )
    tick_seconds: float = Field(60.0, description="time after which one capture stops reading")
    rest_seconds: int = Field(
        300,
        description="how long a partition that is not over, or a whole table, rests between two"
        " publishes that changes ask for",
        ge=0,
    )
    guard_partitions: int = Field(
        500,
        description="partitions of a dataset that changes may ask for at once; 0 for none",
        ge=0,
    )
    guard_rows: int = Field(
        100_000_000, description="rows that changes may ask for at once; 0 for none", ge=0
    )
    guard_seconds: int = Field(
        3600, description="seconds of computing that changes may ask for at once; 0 for none", ge=0
    )
    vault_url: str | None = Field(None, description="where `vault:` secrets are asked for")
    vault_token: str | None = Field(
        None, description="a reference to the token for `vault:` secrets", repr=False
    )
    online_store: str | None = Field(
        None,
        description="address of the online store, redis:// or postgresql://; embedded without it",
        repr=False,
    )
    history_days: float = Field(
        7, description="days that Dagster's events of runs which succeeded are kept", gt=0
    )
    failed_history_days: float = Field(
        30, description="days that Dagster's events of runs which failed are kept", gt=0
    )
    told_hours: float = Field(
        6,
        description="hours that what streams told Dagster, checks that passed in a run and looks"
        " that found nothing are kept once something newer stands for them",
        gt=0,
    )
    snapshot_days: float = Field(
        7,
        description="days that the lake can be read as it was; more where something needs it",
        gt=0,
    )
    snapshot_hours: float = Field(
        6, description="hours that the lake can be read as it was at each commit", gt=0
    )
    snapshot_minutes: float = Field(
        60,
        description="minutes of which the last commit can be read after that, and no other",
        gt=0,
    )
    grace_hours: float = Field(
        24,
        description="hours that a file stays on disk which nobody reads any more; longer than any"
        " question takes",
        gt=0,
    )
    upkeep_schedule: str = Field(
        UPKEEP_SCHEDULE,
        description="when what is old is forgotten, and many small files become few",
    )
    training_days: int = Field(
        365, description="days that a snapshot stays which a training set was made from", ge=1
    )
    otlp_endpoint: str | None = Field(
        None,
        description="http(s):// address of a collector of OpenTelemetry that is sent traces",
        pattern=r"^https?://[^/\s]+(/\S*)?$",
    )
    correlation_header: str | None = Field(
        None,
        description="header of messages by which their senders find them again",
        pattern=r"^[A-Za-z0-9_.-]{1,100}$",
    )
    query_days: float = Field(
        90, description="days that the time of each question is kept; 0 for none", ge=0
    )
    log_megabytes: int = Field(
        16, description="size at which a service's log becomes its one former file", ge=1
    )
    failpoint: str | None = Field(None, description="a named failpoint with its action, for tests")

    @field_validator("upkeep_schedule")
    @classmethod
    def _is_due_some_day(cls, given: str) -> str:
        for complaint in () if given == UPKEEP_SCHEDULE else schedule_complaints(given):
            raise ValueError(": ".join(complaint))
        return given

    @cached_property
    def home(self) -> Path:
        """The data folder as an absolute path."""
        return _home(self.data_dir)

    @cached_property
    def serve_keys_file(self) -> Path:
        """The file of the feature server's consumers."""
        return self.serve_keys or self.home / "serve-keys.json"

    @cached_property
    def lake_folder(self) -> str:
        """Where the lake keeps its Parquet files, ending in a slash."""
        return (self.lake_path or str(self.home / "lake")).rstrip("/") + "/"

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names that our web servers answer to beside those of the loopback."""
        return tuple(name.strip().lower() for name in (self.hosts or "").split(",") if name.strip())

    def source(self, connection: str) -> str:
        """The address of an outside system that a declaration names.

        Raises: MissingSettingError, naming the variable.
        """
        variable = SOURCE + connection.upper()
        found = self.given_source(connection)
        if not found:
            raise MissingSettingError.nothing_happened(
                f"no address for the source connection `{connection}`",
                declared=f"environment variable {variable}",
                next=f"export {variable}=...  (`watermain up` sets it for the demo)",
            )
        return found

    def given_source(self, connection: str) -> str | None:
        """The address that the environment gives an outside system; None without one."""
        return _environment(self.home).get(SOURCE + connection.upper()) or None


def _environment(home: Path) -> dict[str, str]:
    """The process's variables over those that `watermain up` wrote into the data folder."""
    own = {k: os.environ[k] for k in os.environ if k.startswith(PREFIX)}
    return {**_of_lake(remembered_text(home)), **_written(_text(home / "watermain.env")), **own}


@lru_cache(maxsize=16)
def _written(text: str) -> Mapping[str, str]:
    """The variables of a file with a line for each."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def remembered_text(home: Path) -> str:
    """What the data folder remembers of its lake, as it is written there; empty for nothing."""
    return _text(home / LAKE_FILE)


def _text(path: Path) -> str:
    """What a file holds; empty where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


@lru_cache(maxsize=16)
def _of_lake(text: str) -> Mapping[str, str]:
    """The variables that lead to the remembered lake.

    Raises: MissingSettingError, when somebody spoilt the file.
    """
    try:
        found = json.loads(text or "{}").get("settings", {})
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError) as error:
        raise spoilt_memory() from error


def spoilt_memory() -> MissingSettingError:
    """The error for a data folder whose memory of its lake cannot be read."""
    return MissingSettingError.nothing_happened(
        f"{LAKE_FILE} in the data folder is not as it was written",
        declared=f"{LAKE_FILE} in the data folder",
        next=f"remove {LAKE_FILE}; then: watermain up, with the variables of its lake",
    )


def variable(name: str) -> str | None:
    """Read the variable that an `env:` secret reference names."""
    return os.environ.get(name)


@cache
def project() -> Project:
    """The project that this process works for; its packages can be imported from then on.

    Raises: InvalidProjectError, where there is none.
    """
    return find(Path(os.environ.get(PREFIX + "PROJECT") or Path.cwd())).importable()


def _home(data_dir: Path) -> Path:
    return (data_dir if data_dir.is_absolute() else project().root / data_dir).resolve()


def load_settings() -> Settings:
    """Read the settings.

    Raises: MissingSettingError, which names a variable that is unknown or wrong.
    """
    folder = _home(Path(os.environ.get(PREFIX + "DATA_DIR", "data")))
    return _checked(folder, tuple(sorted(_environment(folder).items())))


@lru_cache(maxsize=16)
def _checked(folder: Path, variables: tuple[tuple[str, str], ...]) -> Settings:
    found = dict(variables)
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for variable in sorted(found):
        if variable not in known and not variable.startswith(SOURCE):
            raise MissingSettingError.nothing_happened(
                f"environment variable {variable} is no setting",
                declared=f"the environment, or {folder / 'watermain.env'}",
                next=f"unset it, or use one of {', '.join(sorted(known))}",
            )
    values = {k.removeprefix(PREFIX).lower(): v for k, v in found.items() if k in known}
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise MissingSettingError.nothing_happened(
            f"environment variable {name}: {first['msg']}",
            declared="the environment",
            next=f"export {name} with a right value, or unset it",
        ) from error


def set_variables(variables: Mapping[str, str]) -> None:
    """Set variables of this process, for a library that reads them by itself."""
    os.environ.update(variables)


def take_environment(variables: Mapping[str, str]) -> None:
    """Have this process, which was forked from another, see these variables and no others."""
    os.environ.clear()
    os.environ.update(variables)


def child_environment(**extra: str) -> dict[str, str]:
    """The environment for a process that the platform starts: ours, but bytecode is compiled."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **extra}
