"""No secret of a source lies in anything that a run leaves behind."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from demo.mqtt_broker import EmbeddedMqttBroker
from tests.watermain.source.brokered import publish_mqtt
from watermain.cli.look.explain import _declared
from watermain.declare import Column, Contract, Mqtt, raw
from watermain.lake.lake import Lake
from watermain.orchestrate import asset as asset_module
from watermain.orchestrate.asset import asset_for
from watermain.settings import Settings
from watermain.source.opening import open_source

OLD, NEW = "0ld-and-very-secret", "n3w-and-very-secret"
signals = raw(
    "weather.raw.signals",
    source=Mqtt(connection="field", topic="field/#", device="id", sequence="n"),
    contract=Contract(
        grain="one row per signal", key=("id",), columns=(Column("id", pa.string(), "the device"),)
    ),
    owner="team:weather",
)
KNOWN = {signals.name: signals}


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry as often as ever, without the pauses."""
    monkeypatch.setattr(asset_module, "RETRY", dg.RetryPolicy(max_retries=3))


@pytest.fixture
def field(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedMqttBroker]:
    """A broker that asks for a password, which lies in a file beside the platform's folder."""
    broker = EmbeddedMqttBroker()
    broker.start()
    broker.broker.password = OLD.encode()
    monkeypatch.setenv(
        "WATERMAIN_SOURCE_FIELD",
        f"mqtt://reader:${{file:{home / 'secret'}}}@127.0.0.1:{broker.port}",
    )
    yield broker
    broker.stop()


def say(broker: EmbeddedMqttBroker, number: int) -> None:
    """Let the device say something; it needs no password."""
    kept, broker.broker.password = broker.broker.password, None
    publish_mqtt(broker.port, "field/1", [json.dumps({"id": "d", "n": number})])
    broker.broker.password = kept


def left_behind(folder: Path) -> bytes:
    """Everything that lies in files under a folder, but for the secret's own."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "secret")
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.slow
@pytest.mark.usefixtures("prompt")
def test_secret_is_nowhere_in_what_runs_leave_behind(
    lake: Lake,
    field: EmbeddedMqttBroker,
    home: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A run that succeeds, one that is refused, one that recovers: logs, errors, run config, UI."""
    caplog.set_level("DEBUG")
    (home / "secret").write_text(OLD)
    (home / "dagster").mkdir()
    open_source(signals, Settings(), {}).verify()
    asset = asset_for(signals, KNOWN.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    told = []
    with dg.DagsterInstance.local_temp(str(home / "dagster")) as instance:
        for number, (theirs, ours) in enumerate([(OLD, OLD), (NEW, OLD), (NEW, NEW)]):
            field.broker.password = theirs.encode()
            (home / "secret").write_text(ours)
            say(field, number)
            done = dg.materialize(
                [asset], instance=instance, resources={"lake": lake}, raise_on_error=False
            )
            assert done.success is (theirs == ours)
            told += [each.event_log_entry.to_json() for each in _records(instance, done.run_id)]
            run = instance.get_run_by_id(done.run_id)
            told.append(repr(run) + json.dumps(run.run_config if run else {}))
    told.append(
        json.dumps(_declared(signals, KNOWN)) + repr(vars(open_source(signals, Settings(), {})))
    )
    assert any("credential of `field` is refused" in each for each in told)
    written = capfd.readouterr()
    everything = "\n".join([*told, caplog.text, written.out, written.err]).encode()
    everything += left_behind(home)
    assert b"weather" in everything
    for secret in (OLD, NEW):
        assert secret.encode() not in everything


def _records(instance: dg.DagsterInstance, run_id: str) -> list:
    return list(instance.get_records_for_run(run_id).records)


def test_secret_is_not_in_the_trace_of_an_error(field: EmbeddedMqttBroker, home: Path) -> None:
    """Whoever prints the whole chain of causes sees a name, no password."""
    field.broker.password = NEW.encode()
    (home / "secret").write_text(OLD)
    with pytest.raises(Exception, match="is refused") as error:
        open_source(signals, Settings(), {}).verify()
    assert OLD not in "".join(traceback.format_exception(error.value))
