"""Every kind of source is opened by its word, its address resolved with the secrets in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Files, Kafka, Mqtt, Platform, Postgres, raw
from watermain.declare.errors import SourceError
from watermain.declare.outside.source import Source
from watermain.settings import load_settings
from watermain.source.opening import open_source

ADDRESSES: list[tuple[Source, str, Callable[[Any], Callable[[], str]]]] = [
    (Postgres(connection="shop", table="public.things"), "PostgresSource", lambda s: s.dsn),
    (Files(connection="shop", pattern="*.csv", format="csv"), "FileSource", lambda s: s.folder),
    (Kafka(connection="shop", topic="things"), "KafkaSource", lambda s: s.address),
    (
        Mqtt(connection="shop", topic="things", device="id", sequence="n"),
        "MqttSource",
        lambda s: s.address,
    ),
]


def declared(source: Source) -> Any:
    """A raw dataset with this source."""
    return raw(
        "shop.raw.things",
        source=source,
        contract=Contract(
            grain="one row per thing",
            key=("id",),
            columns=(Column("id", pa.string(), "it"), Column("n", pa.int64(), "its number")),
        ),
        owner="team:shop",
    )


@pytest.mark.parametrize(("word", "name", "address"), ADDRESSES)
def test_source_is_opened_with_the_secrets_of_its_address(
    word: Source,
    name: str,
    address: Callable[[Any], Callable[[], str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reference is resolved when the address is asked for, whatever the kind."""
    (tmp_path / "secret").write_text("word")
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WATERMAIN_SOURCE_SHOP", f"file:{tmp_path / 'secret'}")
    source = open_source(declared(word), load_settings(), {})
    assert type(source).__name__ == name
    assert address(source)() == "word"


def test_platform_table_has_no_source_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform itself writes it."""
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    with pytest.raises(SourceError, match="nothing can be captured"):
        open_source(declared(Platform(table="upkeep_raw.batches")), load_settings(), {})
