"""What a connection declares reaches the client of its kind, proved on real servers."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pyarrow as pa
import pytest
from psycopg.conninfo import conninfo_to_dict

from demo.mqtt_broker import EmbeddedMqttBroker
from tests.watermain.source.registry import Registry
from tests.watermain.source.tls_door import certificates, door, silent
from tests.watermain.source.web_kinds import signed
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare import (
    Basic,
    Bearer,
    Column,
    Contract,
    FilesConnection,
    Increment,
    KafkaConnection,
    MqttConnection,
    Postgres,
    PostgresConnection,
    RegistryConnection,
    Rest,
    RestConnection,
    S3Store,
    Sasl,
    Tls,
    Webhook,
    WebhookConnection,
    raw,
)
from watermain.declare.connection.connection import Connection
from watermain.declare.errors import (
    ExpiredCredentialError,
    MissingSettingError,
    SourceError,
    UnreachableSystemError,
)
from watermain.process.broker import EmbeddedBroker
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import Settings
from watermain.source.kafka.address import composed as kafka_text
from watermain.source.kafka.schema_registry import asking
from watermain.source.mqtt.address import composed as mqtt_text
from watermain.source.mqtt.address import parsed as mqtt_parsed
from watermain.source.opening import found_at, open_source
from watermain.source.outside import Outside
from watermain.source.postgres.address import composed as postgres_text
from watermain.source.postgres.replication import connected
from watermain.source.webhook.webhook_server import endpoint

SECOND = timedelta(seconds=1)


def tried(word: Connection, home: Path) -> str:
    """What `watermain doctor` says of a connection."""
    return found_at(word, Settings(data_dir=home), {word.name: word})


def raised(word: Connection, home: Path, kind: type[Exception]) -> str:
    """What it says of one that does not work, within the time that it declares."""
    began = time.monotonic()
    with pytest.raises(kind) as error:
        tried(word, home)
    assert time.monotonic() - began < 100  # on a machine that has twenty others at work
    return str(error.value)


def of(source: Any) -> Any:
    """A raw dataset with this source."""
    columns = (Column("id", pa.string(), "it"), Column("n", pa.int64(), "its number"))
    contract = Contract(grain="one row per thing", key=("id",), columns=columns)
    return raw("shop.raw.things", source=source, contract=contract, owner="team:shop")


# A client that does not believe our test server hangs up amid its handshake; what the server held
# is left to the collector, whenever that comes.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture
def given(tmp_path: Path) -> tuple[Tls, Path]:
    """An authority of our own as options, with the file of a server that it vouches for."""
    authority, server = certificates(tmp_path / "certificates")
    return Tls(authorities=str(authority)), server


@pytest.fixture
def strangers(tmp_path: Path) -> Tls:
    """An authority that vouches for nobody here."""
    return Tls(authorities=str(certificates(tmp_path / "strangers")[0]))


def test_options_reach_postgresql(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """The client that is connected has them, and the source is opened by its name."""
    (tmp_path / "word").write_text("it's \\ secret")
    word = PostgresConnection(
        "shop_db",
        address=postgres.dsn("postgres"),
        password=f"file:{tmp_path}/word",
        connect_within=4 * SECOND,
        silent_within=40 * SECOND,
    )
    outside = Outside(Settings(data_dir=tmp_path), {"shop_db": word})
    address = outside.address("shop_db", postgres_text)
    with closing(connected(address, declared="here")) as connection:
        told = connection.info.get_parameters()
    wanted = {"connect_timeout": "4", "tcp_user_timeout": "40000", "keepalives_count": "3"}
    assert {name: told[name] for name in wanted} == wanted
    assert told["keepalives_idle"] == told["keepalives_interval"] == "10"
    assert conninfo_to_dict(address())["password"] == "it's \\ secret"
    assert tried(word, tmp_path).startswith("PostgreSQL 18.")
    source = open_source(
        of(Postgres(connection="shop_db", table="public.missing")),
        outside.settings,
        outside.connections,
    )
    with pytest.raises(SourceError, match="missing"):
        source.verify()


def test_database_that_cannot_encrypt_is_not_spoken_to(
    postgres: EmbeddedPostgres, tmp_path: Path, given: tuple[Tls, Path]
) -> None:
    """TLS that is declared is never left out silently."""
    told = conninfo_to_dict(postgres.dsn("postgres"))
    with door(f"{told['host']}/.s.PGSQL.{told['port']}") as port:
        plain = f"postgresql://{told['user']}@127.0.0.1:{port}/postgres"
        assert "not encrypted" in tried(PostgresConnection("db", address=plain), tmp_path)
        word = PostgresConnection("db", address=plain, tls=given[0])
        assert "does not support SSL" in raised(word, tmp_path, UnreachableSystemError)


def test_address_of_the_environment_stands_over_the_declared_one(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is held against the same rules; what contradicts the connection is refused."""
    word = PostgresConnection("shop_db", address="postgresql://127.0.0.1:1/x", user="nobody")
    monkeypatch.setenv("WATERMAIN_SOURCE_SHOP_DB", postgres.dsn("postgres"))
    said = raised(word, tmp_path, SourceError)
    assert "its address says `user`, too, and otherwise" in said
    assert f"declared  {word.declared}, WATERMAIN_SOURCE_SHOP_DB" in said
    assert "PostgreSQL" in tried(PostgresConnection("shop_db", address="host=h"), tmp_path)
    monkeypatch.setenv("WATERMAIN_SOURCE_SHOP_DB", "mysql://127.0.0.1/x")
    assert "is none of PostgreSQL" in raised(word, tmp_path, SourceError)
    monkeypatch.delenv("WATERMAIN_SOURCE_SHOP_DB")
    nowhere = raised(PostgresConnection("shop_db"), tmp_path, MissingSettingError)
    assert "WATERMAIN_SOURCE_SHOP_DB" in nowhere


def _answers(word: KafkaConnection, home: Path) -> bool:
    """Whether the broker behind the door answers.

    It tells the address of its own port, where nobody speaks TLS: a client that asks there first,
    by chance, waits in vain.
    """
    try:
        return tried(word, home).startswith("1 brokers, ")
    except UnreachableSystemError:
        return False


def test_tls_reaches_kafka(
    broker: EmbeddedBroker, tmp_path: Path, given: tuple[Tls, Path], strangers: Tls
) -> None:
    """The authority that is declared is the one that is believed."""
    plain = KafkaConnection("bus", address=broker.address, silent_within=30 * SECOND)
    assert tried(plain, tmp_path).startswith("1 brokers, ")
    with door(broker.port, given[1]) as port:
        words = {"address": f"127.0.0.1:{port}", "silent_within": 3 * SECOND}
        believed = KafkaConnection("bus", tls=given[0], **words)
        assert any(_answers(believed, tmp_path) for _ in range(8))
        said = raised(
            KafkaConnection("bus", tls=strangers, **words), tmp_path, UnreachableSystemError
        )
        assert "`bus` does not answer" in said
        missing = Tls(authorities=str(tmp_path / "nowhere.pem"))
        said = raised(KafkaConnection("bus", tls=missing, **words), tmp_path, SourceError)
        assert "ssl.ca.location" in said


def test_all_that_is_declared_is_told_to_the_client_of_kafka() -> None:
    """Quotes and spaces of a password among it."""
    word = KafkaConnection(
        "bus",
        tls=Tls(authorities="/a.pem", certificate="/c.pem", key="/k.pem"),
        sasl=Sasl(user="us", password="env:X", mechanism="PLAIN"),
        connect_within=5 * SECOND,
        silent_within=SECOND,
    )
    assert kafka_text("h:1", word, lambda _: "a 'b' \\c") == (
        "h:1 security.protocol=SASL_SSL ssl.ca.location=/a.pem ssl.certificate.location=/c.pem"
        " ssl.key.location=/k.pem sasl.mechanism=PLAIN sasl.username=us"
        " 'sasl.password=a '\"'\"'b'\"'\"' \\c' socket.connection.setup.timeout.ms=5000"
        " socket.timeout.ms=1000"
    )


def test_silent_brokers_are_given_up_in_the_declared_time(tmp_path: Path) -> None:
    """A connection stands, nothing is ever answered."""
    with silent() as port:
        for word, kind in (
            (KafkaConnection("a", address=f"127.0.0.1:{port}", silent_within=SECOND), "a"),
            (MqttConnection("b", address=f"mqtt://127.0.0.1:{port}", silent_within=SECOND), "b"),
            (RestConnection("c", address=f"http://127.0.0.1:{port}", silent_within=SECOND), "c"),
            (
                PostgresConnection(
                    "d", address=f"host=127.0.0.1 port={port}", connect_within=2 * SECOND
                ),
                "connect",
            ),
            (
                FilesConnection(
                    "e",
                    address="s3://bucket/in",
                    store=S3Store(endpoint=f"http://127.0.0.1:{port}"),
                    silent_within=SECOND,
                ),
                "bucket",
            ),
        ):
            assert kind in raised(word, tmp_path, UnreachableSystemError)


def test_tls_and_users_reach_mqtt(tmp_path: Path, given: tuple[Tls, Path], strangers: Tls) -> None:
    """A broker that asks for a password, behind a door that encrypts."""
    (tmp_path / "word").write_text("p@ss/word ü")
    server = EmbeddedMqttBroker()
    server.broker.password = "p@ss/word ü".encode()
    server.start()
    words = {"user": "us", "password": f"file:{tmp_path}/word", "silent_within": 3 * SECOND}
    try:
        assert (
            tried(MqttConnection("field", address=server.address, **words), tmp_path)
            == "a broker, not encrypted"
        )
        with door(server.port, given[1]) as port:
            words["address"] = f"mqtts://127.0.0.1:{port}"
            told = tried(MqttConnection("field", tls=given[0], **words), tmp_path)
            assert told == "a broker, encrypted"
            odd = MqttConnection("field", tls=strangers, **words)
            assert "CERTIFICATE_VERIFY_FAILED" in raised(odd, tmp_path, UnreachableSystemError)
        (tmp_path / "word").write_text("wrong")
        wrong = MqttConnection("other", **{**words, "address": server.address})
        assert "does not let us in" in raised(wrong, tmp_path, ExpiredCredentialError)
    finally:
        server.stop()


def test_all_that_is_declared_is_told_to_the_client_of_mqtt() -> None:
    """Written into one address, read from it again."""
    word = MqttConnection(
        "field",
        user="u s",
        password="env:X",
        tls=Tls(authorities="/a b.pem", certificate="/c.pem", key="/k.pem"),
        connect_within=2 * SECOND,
        silent_within=4 * SECOND,
    )
    told = mqtt_parsed(mqtt_text("mqtts://host", word, lambda _: "p@:/"), "here")
    assert (told.host, told.port, told.user, told.password) == ("host", 8883, "u s", "p@:/")
    assert told.tls == word.tls
    assert (told.connect_seconds, told.silent_seconds) == (2.0, 4.0)


def test_tls_and_auth_reach_rest(tmp_path: Path, given: tuple[Tls, Path], strangers: Tls) -> None:
    """The source shows the token of its connection; an authority of ours proves the server."""
    (tmp_path / "token").write_text("open sesame")
    api = ThingsApi(token="open sesame")
    window = Increment(since="since", until="until", start=datetime(2026, 1, 1, tzinfo=UTC))
    dataset = of(Rest(connection="api", path="/things", window=window, records="data.items"))
    with served(api.app, ssl_keyfile=given[1], ssl_certfile=given[1]) as plain:
        words = {
            "address": plain.replace("http:", "https:") + "/v1",
            "auth": Bearer(f"file:{tmp_path}/token"),
        }
        word = RestConnection("api", tls=given[0], **words)
        assert tried(word, tmp_path) == "127.0.0.1 answers 404"
        open_source(dataset, Settings(data_dir=tmp_path), {"api": word}).verify()
        assert len(api.asked) == 1
        odd = RestConnection("api", tls=strangers, **words)
        assert "gives no answer" in raised(odd, tmp_path, UnreachableSystemError)
        gone = RestConnection("api", tls=Tls(authorities=str(tmp_path / "no.pem")), **words)
        assert "its TLS files cannot be" in raised(gone, tmp_path, SourceError)
        with pytest.raises(SourceError, match="its TLS files cannot be used"):
            open_source(dataset, Settings(data_dir=tmp_path), {"api": gone}).verify()


def test_tls_and_auth_reach_the_registry(tmp_path: Path, given: tuple[Tls, Path]) -> None:
    """It asks for a user, behind an authority of ours."""
    (tmp_path / "word").write_text("new")
    registry = Registry(password="new")
    number = registry.avro({"type": "string"})
    with served(registry.app, ssl_keyfile=given[1], ssl_certfile=given[1]) as plain:
        words = {"address": plain.replace("http:", "https:"), "tls": given[0]}
        auth = Basic(user="reader", password=f"file:{tmp_path}/word")
        for word, status in (
            (RegistryConnection("schemas", auth=auth, **words), 200),
            (RegistryConnection("schemas", **words), 401),
        ):
            how = asking(Outside(Settings(data_dir=tmp_path), {"schemas": word}), "schemas")
            assert how.got(f"{how.address()}/schemas/ids/{number}", {})[0] == status
            assert "it answers 404" in raised(word, tmp_path, SourceError)


def test_key_and_endpoint_reach_the_store(s3_server: str, tmp_path: Path) -> None:
    """A bucket with an object, a folder with two entries, a folder that is not there."""
    (tmp_path / "key").write_text("open sesame/+")
    store = S3Store(
        endpoint=s3_server, region="us-east-1", key_id="k", secret=f"file:{tmp_path}/key"
    )
    name = f"drop-{uuid4().hex}"
    word = FilesConnection("drop", address=f"s3://{name}/in", store=store)
    assert "NoSuchBucket" in raised(word, tmp_path, UnreachableSystemError)
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="open sesame/+",
    )
    client.create_bucket(Bucket=name)
    assert tried(word, tmp_path) == f"bucket {name}, empty"
    client.put_object(Bucket=name, Key="in/a.csv", Body=b"x")
    assert tried(word, tmp_path) == f"bucket {name}, not empty"
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.csv").touch()
    assert (
        tried(FilesConnection("d", address=f"{tmp_path}/drop"), tmp_path)[:19]
        == "a folder, 1 entries"
    )
    away = FilesConnection("d", address=f"{tmp_path}/away")
    assert "there is no folder" in raised(away, tmp_path, UnreachableSystemError)


def test_webhook_is_proved_by_the_secrets_of_its_connection(tmp_path: Path) -> None:
    """Two paths of one sender, whose secret is said once."""
    (tmp_path / "secret").write_text("shared")
    word = WebhookConnection("sender", secret=f"file:{tmp_path}/secret", scheme="watermain")
    assert tried(word, tmp_path) == "secrets that can be read: 1, scheme watermain"
    hook = of(Webhook(path="/hooks/things", connection="sender"))
    outside = Outside(Settings(data_dir=tmp_path), {"sender": word})
    body, stamp = b'[{"id": "1", "n": 1}]', int(time.time())
    with served(endpoint([hook], outside)) as address:
        for secret, status in (("another", 401), ("shared", 202)):
            answer = httpx.post(
                f"{address}/hooks/things",
                content=body,
                headers=signed(body, "one", secret, stamp),
                trust_env=False,
            )
            assert answer.status_code == status
    (tmp_path / "secret").unlink()
    assert "cannot be read" in raised(word, tmp_path, MissingSettingError)
