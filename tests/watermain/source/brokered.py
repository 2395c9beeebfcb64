"""The kinds of source that stand behind a broker, over real ones."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import paho.mqtt.client as paho
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    NewPartitions,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.ports import free_port
from tests.watermain.source.kinds import SHAPE, Shape, thing
from tests.watermain.source.tls_door import certificates
from watermain.declare.outside.source import Kafka, Mqtt
from watermain.process.broker import answers
from watermain.source.kafka.kafka import KafkaSource
from watermain.source.kafka.schema_registry import RegistryAsking
from watermain.source.mqtt.mqtt import MqttSource

_NUMBERS = count()
JARS = Path(__file__).parents[3] / "data" / "services" / "kafka"


def make_topic(address: str, name: str, partitions: int = 1) -> None:
    """Create a topic."""
    admin = AdminClient({"bootstrap.servers": address})
    for each in admin.create_topics([NewTopic(name, partitions, 1)], request_timeout=120).values():
        each.result(120)


def drop_topic(address: str, name: str) -> None:
    """Delete a topic with all its messages."""
    admin = AdminClient({"bootstrap.servers": address})
    for each in admin.delete_topics([name]).values():
        each.result(120)


class KafkaKind:
    """One topic of its own, its messages one by one."""

    together = False

    def __init__(self, address: str, scratch: Path, partitions: int = 1, topic: str = "") -> None:
        self.address, self.scratch = address, scratch
        self.topic = topic or f"things_{next(_NUMBERS)}"
        make_topic(address, self.topic, partitions)

    def add(self, rows: list[dict]) -> None:
        self.send(*(json.dumps({**row, "extra": 1}) for row in rows))

    def send(self, *values: str | bytes | None, partition: int = 0, **words: object) -> None:
        """Put messages of the caller's words into a partition, in order."""
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 1})
        for value in values:
            producer.produce(self.topic, value, partition=partition, **words)
        assert producer.flush(20) == 0

    def open(
        self, shape: Shape = SHAPE, registry: Callable[[], str] | None = None, **words: object
    ) -> KafkaSource:
        named = {"registry": "schemas"} if registry else {}
        word = Kafka(**{"connection": "log", "topic": self.topic, **named, **words})
        asking = RegistryAsking(registry) if registry else None
        return KafkaSource(
            word, shape, address=lambda: self.address, scratch=self.scratch, registry=asking
        )

    def make_anew(self, partitions: int = 1) -> None:
        """Delete the topic with its messages, create it again."""
        drop_topic(self.address, self.topic)
        make_topic(self.address, self.topic, partitions)

    def widen(self, partitions: int) -> None:
        """Give the topic more partitions."""
        admin = AdminClient({"bootstrap.servers": self.address})
        for each in admin.create_partitions([NewPartitions(self.topic, partitions)]).values():
            each.result(120)


def publish_mqtt(port: int, topic: str, payloads: Sequence[str | bytes], qos: int = 1) -> None:
    """Publish payloads in order; return when the broker has them."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [client.publish(topic, payload, qos) for payload in payloads]
    for each in sent:
        each.wait_for_publish(20)
        assert each.is_published()
    client.disconnect()
    client.loop_stop()


class MqttKind:
    """One topic of its own, on which one station numbers its messages."""

    together = False

    def __init__(self, port: int, scratch: Path) -> None:
        self.port, self.scratch = port, scratch
        self.topic = f"things/{next(_NUMBERS)}"
        self.count = 0
        self.open().verify()

    def add(self, rows: list[dict]) -> None:
        messages = []
        for row in rows:
            self.count += 1
            messages.append(
                json.dumps({**row, "extra": 1, "by": {"station": "s1"}, "n": self.count})
            )
        self.send(*messages)

    def send(self, *payloads: str | bytes, qos: int = 1) -> None:
        """Publish payloads of the caller's words, in order; return when the broker has them."""
        publish_mqtt(self.port, f"{self.topic}/s1", payloads, qos)

    def say(self, number: int, station: str = "s1", **fields: object) -> None:
        """Publish one message of a station with its number."""
        self.send(json.dumps({"by": {"station": station}, "n": number, **thing(number), **fields}))

    def open(self, shape: Shape = SHAPE, **words: object) -> MqttSource:
        named = {"connection": "field", "topic": f"{self.topic}/#", "client": self.topic}
        word = Mqtt(**{**named, "device": "by.station", "sequence": "n", **words})
        address = f"mqtt://127.0.0.1:{self.port}"
        return MqttSource(word, shape, address=lambda: address, scratch=self.scratch)


class Mosquitto:
    """Debian's broker as a child of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n"
            f"persistence true\npersistence_location {folder}/\nuser root\n"
            "autosave_on_changes true\nautosave_interval 1\n"
        )

    def start(self) -> None:
        """Start it; return when it answers."""
        command = ["/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")]
        with (self.folder / "log").open("ab") as log:
            self._child = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not answers(self.port):
            assert self._child.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it in order, its sessions kept on disk."""
        self._child.terminate()
        self._child.wait(120)

    def kill(self) -> None:
        """End it without any warning."""
        self._child.kill()
        self._child.wait(120)


def _asks_for_a_password(listener: str) -> str:
    """The settings of a listener at which users show a password."""
    return (
        f"listener.name.{listener}.sasl.enabled.mechanisms=SCRAM-SHA-256\n"
        f"listener.name.{listener}.scram-sha-256.sasl.jaas.config="
        "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
    )


class ApacheKafka:
    """One node of Apache Kafka as a child of this process, its log on disk.

    On the port `guarded` it asks for a user with a password (SCRAM-SHA-256); on `sealed` it shows
    a certificate of `authority` as well, and asks for one: that of the file `certificate`.
    """

    def __init__(self, folder: Path, jars: Path) -> None:
        self.folder, self.port, self._control = folder, free_port(), free_port()
        self.guarded, self.sealed = free_port(), free_port()
        self.authority, self.certificate = certificates(folder / "certificates")
        self._java = ["java", "-Xmx512m", "-cp", f"{jars}/*"]
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "server.properties"
        self._settings.write_text(
            f"process.roles=broker,controller\nnode.id=1\nlog.dirs={folder}/data\n"
            f"controller.quorum.voters=1@127.0.0.1:{self._control}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},"
            f"GUARDED://127.0.0.1:{self.guarded},SEALED://127.0.0.1:{self.sealed},"
            f"CONTROLLER://127.0.0.1:{self._control}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "GUARDED:SASL_PLAINTEXT,SEALED:SASL_SSL\n"
            + "".join(map(_asks_for_a_password, ("guarded", "sealed")))
            + "listener.name.sealed.ssl.client.auth=required\n"
            "ssl.keystore.type=PEM\nssl.truststore.type=PEM\n"
            f"ssl.keystore.location={self.certificate}\n"
            f"ssl.truststore.location={self.authority}\n"
            "controller.listener.names=CONTROLLER\noffsets.topic.replication.factor=1\n"
            "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
            "group.initial.rebalance.delay.ms=0\nlog.retention.check.interval.ms=500\n"
        )
        form = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg"]
        subprocess.run(
            [*self._java, *form, "-c", str(self._settings)], check=True, capture_output=True
        )

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; return when it knows its topics."""
        with (self.folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._settings)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 240
        while not answers(self.port):
            assert self._child.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def give_password(self, user: str, password: str) -> None:
        """Let a user in with this password alone from now on."""
        admin = AdminClient({"bootstrap.servers": self.address})
        mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        told = UserScramCredentialUpsertion(user, mechanism, password.encode())
        for each in admin.alter_user_scram_credentials([told]).values():
            each.result(120)

    def kill(self) -> None:
        """End it without any warning."""
        self._child.kill()
        self._child.wait(120)

    def stop(self) -> None:
        """Stop it in order."""
        self._child.terminate()
        self._child.wait(120)
