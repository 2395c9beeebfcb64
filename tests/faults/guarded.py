"""Outside systems that ask for a secret which somebody rotates."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Protocol

import paho.mqtt.client as paho
import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from demo.mqtt_broker import EmbeddedMqttBroker
from tests.watermain.source.brokered import JARS, ApacheKafka, KafkaKind, MqttKind
from tests.watermain.source.kinds import PostgresKind, thing
from tests.watermain.source.web_kinds import HOUR, RestKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.credential import Address
from watermain.declare.outside.web import Bearer
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import SOURCE, Settings
from watermain.source.protocol import Source
from watermain.source.rest.rest_memory import instant_text

FIRST = "first secret"


class Guarded(Protocol):
    """A system with things in it, its secret, the file that we read the secret from."""

    secret: Path

    def write(self, number: int) -> None:
        """Let one more thing exist."""
        ...

    def rotate(self, secret: str) -> None:
        """Let nobody in who does not show this secret."""
        ...

    def open(self) -> Source:
        """Open the source as a new run would."""
        ...

    def close(self) -> None:
        """End the system."""
        ...


def _told(folder: Path, name: str, address: str) -> tuple[Path, Address]:
    """Write the first secret into a file, name the address that refers to it."""
    folder.mkdir(parents=True)
    secret = folder / "secret"
    secret.write_text(FIRST)
    told = address.replace("SECRET", f"${{file:{secret}}}")
    (folder / "watermain.env").write_text(f"{SOURCE}{name.upper()}={told}\n")
    return secret, Address(Settings(data_dir=folder), name)


class GuardedPostgres:
    """A table behind a password."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder / "server", settings={"wal_level": "logical"})
        self.server.start()
        rules = self.server.data / "pg_hba.conf"
        guarded = "".join(f"local {what} reader scram-sha-256\n" for what in ("all", "replication"))
        rules.write_text(guarded + rules.read_text())
        self.server.ensure_database("shop")
        self.kind = PostgresKind(self.server.dsn("shop"), folder / "scratch")
        self.kind.run("create role reader superuser login", "select pg_reload_conf()")
        host = psycopg.conninfo.conninfo_to_dict(self.kind.dsn)["host"]
        address = f"host={host} dbname=shop user=reader password=SECRET"
        self.secret, self.address = _told(folder / "home", "shop", address)
        self.rotate(FIRST)

    def write(self, number: int) -> None:
        self.kind.add([thing(number)])

    def rotate(self, secret: str) -> None:
        self.kind.run(f"alter role reader password '{secret}'")

    def open(self) -> Source:
        source = self.kind.open()
        source.dsn = Address(self.address.settings, "shop")
        return source

    def close(self) -> None:
        self.server.stop()


class GuardedMqtt:
    """A topic behind a password; its one device was connected before."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedMqttBroker()
        self.server.start()
        self.kind = MqttKind(self.server.port, folder / "scratch")
        address = f"mqtt://reader:SECRET@127.0.0.1:{self.server.port}"
        self.secret, self.address = _told(folder / "home", "field", address)
        self.device = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        let_in = threading.Event()
        self.device.on_connect = lambda *_: let_in.set()
        self.device.connect("127.0.0.1", self.server.port)
        self.device.loop_start()
        assert let_in.wait(120), "the device is not let in"  # before a password is asked of it
        self.rotate(FIRST)

    def write(self, number: int) -> None:
        told = json.dumps({"by": {"station": "s1"}, "n": number, **thing(number)})
        self.device.publish(f"{self.kind.topic}/s1", told, 1).wait_for_publish(20)

    def rotate(self, secret: str) -> None:
        self.server.broker.password = secret.encode()

    def open(self) -> Source:
        source = self.kind.open()
        source.address = Address(self.address.settings, "field")
        return source

    def close(self) -> None:
        self.device.disconnect()
        self.device.loop_stop()
        self.server.stop()


class GuardedRest:
    """An endpoint behind a token; its clock moves an hour with each rotation."""

    def __init__(self, folder: Path) -> None:
        self.api = ThingsApi(token=FIRST, page=50)
        self._served = served(self.api.app)
        self.kind = RestKind(self.api, self._served.__enter__(), folder / "home")
        self.secret, _ = _told(folder / "home", "api", "")
        self.auth = Bearer(f"file:{self.secret}")

    def write(self, number: int) -> None:
        self.api.add(instant_text(self.kind.clock.now()), json.dumps(thing(number)))

    def rotate(self, secret: str) -> None:
        self.kind.clock.instant += HOUR
        self.api.token = secret

    def open(self) -> Source:
        return self.kind.open(auth=self.auth)

    def close(self) -> None:
        self._served.__exit__(None, None, None)


class GuardedKafka:
    """A topic behind a password, on Apache Kafka: no broker in a wheel asks for one."""

    def __init__(self, folder: Path) -> None:
        self.server = ApacheKafka(folder / "server", JARS)
        self.server.start()
        try:
            self.kind = KafkaKind(self.server.address, folder / "scratch")
        except BaseException:
            self.server.kill()
            raise
        self.producer = Producer({"bootstrap.servers": self.server.address, "linger.ms": 1})
        address = (
            f"127.0.0.1:{self.server.guarded} security.protocol=SASL_PLAINTEXT"
            " sasl.mechanism=SCRAM-SHA-256 sasl.username=reader sasl.password=SECRET"
        )
        self.secret, self.address = _told(folder / "home", "log", address)
        self.rotate(FIRST)

    def write(self, number: int) -> None:
        self.producer.produce(self.kind.topic, json.dumps(thing(number)), partition=0)
        self.producer.flush(20)

    def rotate(self, secret: str) -> None:
        self.server.give_password("reader", secret)
        probe = AdminClient(
            {
                "bootstrap.servers": f"127.0.0.1:{self.server.guarded}",
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.username": "reader",
                "sasl.password": secret,
            }
        )
        probe.list_topics(timeout=60)  # the broker learns of a password a moment after it is told

    def open(self) -> Source:
        source = self.kind.open()
        source.address = Address(self.address.settings, "log")
        return source

    def close(self) -> None:
        self.server.kill()


KINDS: dict[str, type[Guarded]] = {
    "postgres": GuardedPostgres,
    "mqtt": GuardedMqtt,
    "rest": GuardedRest,
    "kafka": GuardedKafka,
}


def missing(kind: str) -> str:
    """Say why a kind cannot be had here; "" when it can."""
    if kind != "kafka":
        return ""
    if shutil.which("java") is None or not JARS.is_dir():
        return "kafka: no Java with the jars of Apache Kafka here; tests/services/install.sh"
    return ""
