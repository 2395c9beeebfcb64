"""Connections are right when they are made; none of them shows a secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from watermain.declare import (
    AlertmanagerConnection,
    Basic,
    Bearer,
    FilesConnection,
    KafkaConnection,
    MqttConnection,
    NotifierConnection,
    PostgresConnection,
    RegistryConnection,
    Rest,
    RestConnection,
    S3Store,
    Sasl,
    Tls,
    Webhook,
    WebhookConnection,
)
from watermain.declare.errors import InvalidDeclarationError

TLS = Tls(authorities="/etc/ssl/ours.pem")
MINUTE = timedelta(minutes=1)
RIGHT: list[Callable[[], Any]] = [
    lambda: PostgresConnection("db", address="postgresql://host:5432/shop", user="us", tls=TLS),
    lambda: PostgresConnection("db", address="host=host dbname=shop password=${env:WORD}"),
    lambda: PostgresConnection("db", address="postgresql://us:${env:WORD}@host/shop"),
    lambda: PostgresConnection("db", address="file:./dsn", password="vault:kv/shop#word"),
    lambda: FilesConnection("drop", address="/srv/drop"),
    lambda: FilesConnection("drop", address="./drop"),
    lambda: FilesConnection(
        "drop", address="s3://bucket/in", store=S3Store(key_id="AK", secret="env:KEY"), tls=TLS
    ),
    lambda: KafkaConnection("bus", address="a:9092,b:9092", tls=TLS, silent_within=MINUTE),
    lambda: MqttConnection("field", address="mqtts://host", user="us", password="env:WORD"),
    lambda: RestConnection("api", address="https://host/v1", auth=Bearer("env:TOKEN"), tls=TLS),
    lambda: RegistryConnection("schemas", address="http://host:8081"),
    lambda: WebhookConnection("sender", secret=("env:NEW", "env:OLD"), scheme="watermain"),
    lambda: NotifierConnection("pager", address="env:PAGER", level=1, heartbeat_every=MINUTE),
    lambda: NotifierConnection("chat", address="slack://${env:TOKEN}/ops", tells=("ticket",)),
    lambda: NotifierConnection("call", rota="rota.ics", people={"ann": "vault:kv/ann#pager"}),
    lambda: AlertmanagerConnection("manager", address="https://host:9093", owners=("team:a",)),
    lambda: AlertmanagerConnection("manager", address="https://us:${env:WORD}@host:9093"),
]
WRONG: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: PostgresConnection("Db"), "'Db' is no name", "small letters"),
    (lambda: PostgresConnection("lake"), "is a resource of the platform", "`engine`, `io_manager`"),
    (
        lambda: PostgresConnection("db", sslmode="require"),
        "option `sslmode` is unknown",
        "use one of `address`, `connect_within`, `name`, `password`",
    ),
    (
        lambda: PostgresConnection("db", address="mysql://h/d"),
        "is none of Postgre",
        "postgresql://",
    ),
    (lambda: PostgresConnection("db", address="somewhere"), "is no connection string", "host=..."),
    (lambda: PostgresConnection("db", password="s3cret"), "is no reference to", "`env:NAME`"),
    (lambda: PostgresConnection("db", address="postgresql://u:s3cret@h/d"), "holds a password", ""),
    (lambda: PostgresConnection("db", address="host=h password=s3cret"), "holds a password", ""),
    (
        lambda: PostgresConnection("db", address="postgresql://h/d?password=s3cret"),
        "holds a pa",
        "",
    ),
    (lambda: PostgresConnection("db", connect_within=5), "connect_within 5 is out", "a timedelta"),
    (lambda: PostgresConnection("db", silent_within=timedelta(days=1)), "is out of bounds", "1:00"),
    (lambda: FilesConnection("drop", address="ftp://h/in"), "no folder and no bucket", "s3://"),
    (lambda: FilesConnection("drop", address="drop"), "its address is no path", "a folder's path"),
    (lambda: FilesConnection("drop", address="/d", tls=TLS), "`tls` means nothing", "leave it out"),
    (lambda: FilesConnection("drop", address="/d", silent_within=MINUTE), "means nothing", ""),
    (lambda: FilesConnection("drop", address="s3://AK:s3cret@b/in"), "holds a secret", "S3Store"),
    (lambda: FilesConnection("drop", store=S3Store(secret="s3cret")), "store.secret is no ref", ""),
    (lambda: FilesConnection("drop", store=S3Store(secret="env:A")), "an id with a secret", "both"),
    (lambda: FilesConnection("drop", store=S3Store(endpoint="host")), "'host' is no address", ""),
    (lambda: S3Store(zone="eu"), "option `zone` is unknown", "`endpoint`"),
    (
        lambda: FilesConnection("drop", tls=Tls(certificate="/c", key="/k")),
        "no store is shown a certificate",
        "`authorities` alone",
    ),
    (lambda: KafkaConnection("bus", address="http://host"), "names no brokers", "host:port,host"),
    (lambda: KafkaConnection("bus", address="h:1 sasl.password=x"), "is more than brokers", "sasl"),
    (
        lambda: KafkaConnection("bus", sasl=Sasl(user="u", password="env:W", mechanism="GSSAPI")),
        "SASL mechanism 'GSSAPI' is unknown",
        "`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`",
    ),
    (lambda: KafkaConnection("bus", sasl=Sasl(user="u", password="s3cret")), "is no reference", ""),
    (lambda: MqttConnection("field", address="http://h"), "is none of MQTT", "`mqtt`, `mqtts`"),
    (lambda: MqttConnection("field", address="mqtt://h", tls=TLS), "an encrypted address", "mqtts"),
    (lambda: MqttConnection("field", address="mqtt://u:s3cret@h"), "holds a password", "password="),
    (lambda: MqttConnection("field", password="env:W"), "a password goes with a user", "`user`"),
    (lambda: MqttConnection("field", address="mqtt://h?x=1"), "more than a broker", ""),
    (lambda: RestConnection("api", address="ftp://h"), "is none of HTTP", "`http`, `https`"),
    (lambda: RestConnection("api", address="http://u:s3cret@h"), "more than a place", "`auth`"),
    (lambda: RestConnection("api", address="http://h", tls=TLS), "an encrypted address", "https"),
    (lambda: RestConnection("api", auth=Basic(user="u", password="s3cret")), "as a reference", ""),
    (lambda: NotifierConnection("n", address="slack://s3cret/x"), "hold a secret", "reference"),
    (lambda: NotifierConnection("n", address="json://u:s3cret@h"), "hold a secret", "reference"),
    (lambda: NotifierConnection("n", address="somewhere"), "none of a service", "service://"),
    (lambda: NotifierConnection("n"), "an `address` or a `rota`", "leave one out"),
    (lambda: NotifierConnection("n", address="env:A", level=10), "level 10 is out", "0 to 9"),
    (lambda: NotifierConnection("n", rota="r.ics"), "goes with the people", "name both"),
    (lambda: NotifierConnection("n", rota="r", people={"ann": "slack://s3cret"}), "secret", "env"),
    (lambda: NotifierConnection("n", address="env:A", tells=("loud",)), "it tells", "`page`"),
    (
        lambda: NotifierConnection("n", address="env:A", heartbeat_every=timedelta(seconds=1)),
        "heartbeat_every 0:00:01 is out of bounds",
        "0:01:00 to 1:00:00",
    ),
    (lambda: AlertmanagerConnection("m", address="am:9093"), "none of HTTP", "https://host"),
    (lambda: AlertmanagerConnection("m", address="http://u:s3cret@h"), "hold a secret", "env"),
    (lambda: WebhookConnection("sender", secret="s3cret"), "as a reference", "`env:NAME`"),
    (lambda: WebhookConnection("sender", secret=()), "no secret is named", "in `secret`"),
    (lambda: WebhookConnection("sender", secret="env:A", scheme="x"), "'x' is unknown", "standard"),
    (lambda: Tls(authorities="ca.pem"), "is no absolute path", "from `/` on"),
    (lambda: Tls(certificate="/c"), "a certificate goes with its key", "both files"),
    (lambda: Tls(verify=False), "option `verify` is unknown", "`authorities`"),
    (lambda: Webhook(path="/x"), "no secret is named", "the `connection` that has it"),
    (lambda: Webhook(path="/x", secret="env:A", connection="b"), "two say how events are", ""),
]


@pytest.mark.parametrize("made", RIGHT)
def test_connection_is_made(made: Callable[[], Any]) -> None:
    """It knows where it stands in the code, and shows only what it says."""
    word = made()
    assert word.declared.startswith("tests/watermain/declare/connection/test_connection.py:")
    assert word.variable == f"WATERMAIN_SOURCE_{word.name.upper()}"
    assert "declared" not in word.shown()
    assert word == made()


@pytest.mark.parametrize(("made", "says", "right"), WRONG)
def test_connection_is_refused_where_it_is_made(
    made: Callable[[], Any], says: str, right: str
) -> None:
    """The error lists what is right; a secret is not repeated."""
    with pytest.raises(InvalidDeclarationError) as raised:
        made()
    assert says in raised.value.what
    assert right in raised.value.next
    assert "s3cret" not in str(raised.value)


def test_connection_is_refused_with_the_line_that_makes_it() -> None:
    """The place is the company's, not ours."""
    with pytest.raises(InvalidDeclarationError) as raised:
        MqttConnection("field", address="http://h")
    assert raised.value.declared.startswith("tests/watermain/declare/connection/test_connection.py")


def test_contradicting_options_are_refused() -> None:
    """What an address says stands, unless the connection says otherwise."""
    word = PostgresConnection("db")
    assert word.merged({"user": "a"}, {"user": "a", "sslmode": "verify-full"}) == {
        "user": "a",
        "sslmode": "verify-full",
    }
    with pytest.raises(InvalidDeclarationError, match="its address says `user`, too"):
        word.merged({"user": "a"}, {"user": "b"})


def test_webhook_takes_what_its_connection_says() -> None:
    """But for its path and the size of its events."""
    word = WebhookConnection("sender", secret="env:A", scheme="watermain", signature="X-Ours")
    told = word.applied(Webhook(path="/x", connection="sender", max_bytes=7))
    assert told == Webhook(
        path="/x", secret="env:A", scheme="watermain", signature="X-Ours", max_bytes=7
    )


def test_auth_is_said_once(increment: Any) -> None:
    """By the source, or by its connection."""
    word = RestConnection("api", auth=Bearer("env:A"))
    plain = Rest(connection="api", path="/x", window=increment)
    assert word.applied(plain).auth == Bearer("env:A")
    with pytest.raises(InvalidDeclarationError, match="the source at /x has an `auth` of its own"):
        word.applied(Rest(connection="api", path="/x", window=increment, auth=Bearer("env:B")))


@pytest.fixture
def increment() -> Any:
    """Any window of time."""
    from datetime import UTC, datetime

    from watermain.declare import Increment

    return Increment(since="since", until="until", start=datetime(2026, 1, 1, tzinfo=UTC))
