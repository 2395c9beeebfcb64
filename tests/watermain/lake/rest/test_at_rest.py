"""Files of a lake on an S3-style store are verified like those of a disk."""

from __future__ import annotations

import pytest
from s3fs import S3FileSystem

from tests.watermain.engine.damaging import SALES, listed, verified
from tests.watermain.engine.shop import give, job, read, sales
from tests.watermain.lake.test_lake_remote import remote
from tests.watermain.source.dropping import s3_server
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.publish.repair import repair
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.lake.rest.at_rest import AtRest
from watermain.lake.rest.checksum import checksum
from watermain.lake.rest.inventory import inventory
from watermain.lake.rest.verification import damaged
from watermain.lake.rest.vouching import WRITTEN, vouched
from watermain.lake.store import SETTINGS
from watermain.settings import load_settings

__all__ = ["remote", "s3_server"]
ROWS = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]


def store(server: str) -> S3FileSystem:
    """The store as somebody else sees it."""
    return S3FileSystem(key="key", secret="word", endpoint_url=server, use_listings_cache=False)


def test_damage_on_a_store_is_seen_and_mended(remote: Lake, s3_server: str) -> None:
    """A changed object, one that is cut, one that is gone: each named, each replaced."""
    made = sales(ROWS)
    give(remote, made)
    away = store(s3_server)
    (file,) = listed(remote)
    with remote.get_connection() as connection:
        known = vouched(connection)
    assert {f: (v.origin, v.checksum.bytes) for f, v in known.items()} == {
        file.file: (WRITTEN, file.bytes)
    }
    assert known[file.file].checksum == checksum([away.cat_file(file.path)])
    assert [v.state for v in verified(remote, SALES)] == ["whole"]
    for damage, why in (
        (lambda held: held[:-1] + b"?", "its bytes are not those that were written"),
        (lambda held: held[:-1], f"it holds {file.bytes - 1} bytes, {file.bytes} were written"),
        (None, "the file is gone"),
    ):
        (file,) = listed(remote)
        if damage is None:
            away.rm_file(file.path)
        else:
            away.pipe_file(file.path, damage(away.cat_file(file.path)))
        broken = damaged(verified(remote, SALES))
        assert (broken[0].listed, broken[0].why) == (file, why)
        assert repair(broken, {made.name: made}, job(remote, made)).left == {}
        assert read(remote) == [("a", 1), ("b", 2), ("c", 3)]
    assert len(inventory(remote, [SALES])) == 4


def test_first_sight_on_a_store_looks_at_the_footer(remote: Lake, s3_server: str) -> None:
    """An object that no ledger knows is trusted for its form, not for its name."""
    give(remote, sales(ROWS))
    with remote.get_connection() as connection:
        connection.execute(f"delete from {ledger.CHECKSUMS}")
    (file,) = listed(remote)
    assert [v.state for v in verified(remote, SALES)] == ["not vouched for"]
    assert AtRest(remote.folder).rows(file.path) == 3
    away = store(s3_server)
    away.pipe_file(file.path, bytes(file.bytes))
    (found,) = verified(remote, SALES)
    assert found.why.startswith("it is no Parquet file: ")


def test_store_that_does_not_answer_is_no_damage(
    remote: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four lines that name the settings; nothing is told of the file."""
    give(remote, sales(ROWS))
    (file,) = listed(remote)
    monkeypatch.setenv("WATERMAIN_S3_KEY_ID", "key")
    nowhere = load_settings().model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(UnreachableSystemError) as error:
        AtRest(remote.folder, nowhere).checksum(file.path)
    assert str(error.value).splitlines()[1] == (f"  declared  {SETTINGS}")
    assert file.path in error.value.data
