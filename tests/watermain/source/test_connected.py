"""A source names a connection that somebody declares, of the kind that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from watermain.declare import (
    Column,
    Contract,
    Files,
    FilesConnection,
    Kafka,
    KafkaConnection,
    PostgresConnection,
    RegistryConnection,
    Sftp,
    Webhook,
    WebhookConnection,
    raw,
)
from watermain.declare.errors import UnknownConnectionError
from watermain.settings import Settings
from watermain.source.connected import prove_connections
from watermain.source.opening import open_source

WORDS = (
    FilesConnection("partner_drop"),
    FilesConnection("other_drop"),
    PostgresConnection("shop_db"),
    KafkaConnection("bus"),
    RegistryConnection("schemas"),
)
KNOWN = {word.name: word for word in WORDS}


def things(source: Any) -> Any:
    """A raw dataset with this source."""
    columns = (Column("id", pa.string(), "it"), Column("n", pa.int64(), "its number"))
    contract = Contract(grain="one row per thing", key=("id",), columns=columns)
    return raw("shop.raw.things", source=source, contract=contract, owner="team:shop")


def test_name_that_nobody_declared_is_refused_with_those_that_are_near() -> None:
    """In the four lines, with the place of the dataset."""
    dataset = things(Files(connection="partner_drp", pattern="*", format="csv"))
    with pytest.raises(UnknownConnectionError) as raised:
        prove_connections(dataset, KNOWN)
    assert str(raised.value).splitlines() == [
        "shop.raw.things: nobody declares the connection `partner_drp`, and a files is needed",
        f"  declared  {dataset.declared}",
        "  data      nothing was read or written",
        "  next      use one of `other_drop`, `partner_drop`",
    ]


def test_connection_of_another_kind_is_refused() -> None:
    """It says what the name leads to, and where that is declared."""
    dataset = things(Files(connection="shop_db", pattern="*", format="csv"))
    place = KNOWN["shop_db"].declared
    with pytest.raises(UnknownConnectionError) as raised:
        prove_connections(dataset, KNOWN)
    said = f"the connection `shop_db` is a PostgresConnection ({place}), and a files is needed"
    assert raised.value.what == f"shop.raw.things: {said}"


def test_registry_is_a_connection_of_its_own_kind() -> None:
    """Of the two that a topic of records needs, either may be wrong."""
    word = {"connection": "bus", "topic": "t", "format": "avro"}
    prove_connections(things(Kafka(**word, registry="schemas")), KNOWN)
    with pytest.raises(UnknownConnectionError, match="`bus` is a KafkaConnection"):
        prove_connections(things(Kafka(**word, registry="bus")), KNOWN)


def test_where_nobody_declares_anything_the_variable_is_enough(tmp_path: Path) -> None:
    """As it was before connections could be declared."""
    dataset = things(Files(connection="drop", pattern="*", format="csv"))
    (tmp_path / "watermain.env").write_text(f"WATERMAIN_SOURCE_DROP={tmp_path}\n")
    open_source(dataset, Settings(data_dir=tmp_path), {}).verify()


@pytest.mark.parametrize(
    "word",
    [
        Webhook(path="/x", connection="sender"),
        Sftp(connection="server", pattern="*", format="csv"),
    ],
)
def test_what_no_variable_can_say_has_to_be_declared(word: Any) -> None:
    """A sender's secret, a server's known keys."""
    with pytest.raises(UnknownConnectionError) as raised:
        prove_connections(things(word), {})
    assert raised.value.next == f"declare a {word.kind} in the resources"
    if isinstance(word, Webhook):
        prove_connections(things(word), {"sender": WebhookConnection("sender", secret="env:A")})


def test_source_is_not_opened_by_a_wrong_name(tmp_path: Path) -> None:
    """A capture meets the same refusal as the code location."""
    dataset = things(Files(connection="drop", pattern="*", format="csv"))
    with pytest.raises(UnknownConnectionError, match="nobody declares the connection `drop`"):
        open_source(dataset, Settings(data_dir=tmp_path), KNOWN)
