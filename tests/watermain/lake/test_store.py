"""A store that goes away is named in four lines, whoever asks it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.faults.store_relay import (
    BUSY,
    CUT_DOWN,
    CUT_UP,
    GONE,
    HUNG,
    REFUSED,
    WAYS,
    StoreRelay,
)
from tests.watermain.lake.remote import SECRET, bucket, relay, remote, s3_server, stored
from tests.watermain.lake.test_lake import NAME, make
from watermain import read
from watermain.cli.exits import UNREACHABLE, exit_code
from watermain.cli.platform import doctor
from watermain.declare import Column, Contract, dataset
from watermain.declare.errors import LostFileError, UnreachableSystemError, WatermainError
from watermain.lake.engine_error import translate
from watermain.lake.lake import Lake
from watermain.lake.rest.at_rest import AtRest
from watermain.lake.rest.inventory import inventory
from watermain.lake.store import engine_secret, failure
from watermain.process.probe import NAME as PROBE
from watermain.process.probe import probe_catalog, probe_files
from watermain.settings import load_settings

__all__ = ["bucket", "relay", "remote", "s3_server"]
SAYS = {
    GONE: "server returned nothing",
    HUNG: "timeout was reached",
    REFUSED: "answered 403 AccessDenied",
    BUSY: "answered 503 SlowDown",
    CUT_UP: "server returned nothing",
    CUT_DOWN: "transferred a partial file",
}


DECLARED = dataset(
    NAME,
    contract=Contract(
        grain="one row per sale", key=("n",), columns=(Column("n", pa.int64(), "it"),)
    ),
    owner="team:shop",
)(lambda: None)


def ask(sql: str) -> read.Answer:
    """What `watermain sql` would be given."""
    return read.query(sql, declared=lambda: {DECLARED.name: DECLARED})


def sell(remote: Lake) -> None:
    """Publish a table with a file of its own."""
    with (
        remote.fence.lease(NAME) as lease,
        remote.get_connection() as connection,
        remote.transaction(connection, lease, "publish"),
    ):
        make(connection)
    remote.forget()


def named(error: WatermainError, relay: StoreRelay, says: str) -> None:
    """The error names the store, what was tried, shows no secret."""
    port = relay.port
    assert "the lake's store s3://lake-" in error.what
    assert f"at 127.0.0.1:{port} does not serve us: " in error.what
    assert says in error.what
    assert error.what.endswith(" (tried 2 times)") == ("answered 403" not in says)
    assert SECRET not in str(error)
    assert len(str(error).splitlines()) == 4
    assert exit_code(error) == UNREACHABLE


@pytest.mark.parametrize("way", WAYS)
def test_sql_tells_of_a_store_that_does_not_serve(
    remote: Lake, relay: StoreRelay, way: str
) -> None:
    """Never that the query was refused; once the store is back the same query is answered."""
    sell(remote)
    relay.lose(way, "GET")
    with pytest.raises(UnreachableSystemError) as told:
        ask(f"select sum(n) as n from {NAME}")
    named(told.value, relay, SAYS[way])
    relay.calm()
    assert ask(f"select sum(n) as n from {NAME}").rows.to_pylist() == [{"n": 599 * 300}]


@pytest.mark.parametrize("way", [CUT_DOWN, HUNG, GONE])
def test_transaction_tells_of_a_store_that_gives_nothing_back(
    remote: Lake, relay: StoreRelay, way: str
) -> None:
    """What was uploaded is read once more for its checksum: that fails like the rest."""
    sell(remote)

    def again() -> None:
        with (
            remote.fence.lease(NAME) as lease,
            remote.get_connection() as connection,
            remote.transaction(connection, lease, "publish again"),
        ):
            connection.execute("insert into lake.shop_curated.sales select range from range(900)")
            relay.lose(way, "GET")

    with pytest.raises(UnreachableSystemError) as told:
        again()
    assert f"at 127.0.0.1:{relay.port} does not serve us: " in told.value.what
    assert SECRET not in str(told.value)
    assert len(str(told.value).splitlines()) == 4
    relay.calm()
    assert ask(f"select count(*) as n from {NAME}").rows.to_pylist() == [{"n": 600}]


@pytest.mark.parametrize("way", WAYS)
def test_file_at_rest_that_does_not_come_is_no_damage(
    remote: Lake, relay: StoreRelay, way: str
) -> None:
    """Four lines that name the store; once it is back the sum is as before."""
    sell(remote)
    (file,) = inventory(remote, [DECLARED.name])
    rest = AtRest(remote.folder)
    before = rest.checksum(file.path)
    for asked in (rest.checksum, rest.rows):
        relay.lose(way, "GET")
        with pytest.raises(UnreachableSystemError, match="does not serve us: "):
            asked(file.path)
        relay.calm()
    assert rest.checksum(file.path) == before
    with pytest.raises(FileNotFoundError):
        rest.checksum(f"{file.path}.gone")


@pytest.mark.parametrize("way", [w for w in WAYS if w not in (CUT_DOWN, HUNG)])
def test_transaction_tells_of_a_store_that_takes_nothing(
    remote: Lake, relay: StoreRelay, s3_server: str, bucket: str, way: str
) -> None:
    """Nothing is published; what was uploaded by then is all that may lie there."""
    sell(remote)
    relay.lose(way, "PUT")
    with (
        remote.fence.lease(NAME) as lease,
        pytest.raises(UnreachableSystemError) as told,
        remote.get_connection() as connection,
        remote.transaction(connection, lease, "publish again"),
    ):
        connection.execute("insert into lake.shop_curated.sales select range from range(900)")
    named(told.value, relay, SAYS[way].removesuffix(" SlowDown"))
    assert told.value.data == "nothing was published; what readers had stands as it was"
    relay.calm()
    assert ask(f"select count(*) as n from {NAME}").rows.to_pylist() == [{"n": 600}]


def test_missing_object_is_told_apart_from_a_store_that_is_away(
    remote: Lake, s3_server: str, bucket: str
) -> None:
    """The store answers, it has lost a file: nobody tries again for that."""
    sell(remote)
    store = stored(s3_server)
    (lost,) = [p for p in store.find(f"{bucket}/files/shop_curated") if p.endswith(".parquet")]
    store.rm(lost)
    with pytest.raises(LostFileError) as told:
        ask(f"select sum(n) from {NAME}")
    assert lost.rpartition("/")[2] in told.value.what
    assert len(str(told.value).splitlines()) == 4


def test_refused_query_stays_refused(remote: Lake) -> None:
    """What the engine says of the query itself is no word of the store."""
    sell(remote)
    with pytest.raises(read.RefusedQueryError, match="HTTP 503"):
        ask(f"select error('for HTTP 503') from {NAME}")


@pytest.mark.parametrize(
    "message",
    [
        "HTTP Error: Unable to connect to URL s3://b/f.parquet: Forbidden (HTTP code 403)",
        "IO Error: Could not establish connection error for HTTP HEAD to 'http://h:1/b/f.parquet'",
        "TransactionContext Error: Failed to commit: HTTP Error: HTTP GET error reading"
        " 'http://h/b/f.parquet' in region 'x' (HTTP 500 Internal Server Error)",
        "HTTP Error: Request returned HTTP 503 for HTTP PUT to 'http://h/b/f.parquet?sig=s3cr3t'",
    ],
)
def test_words_of_the_engine_are_known(
    message: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its ways to speak of a store leads to the same error; on a folder to none."""
    error = duckdb.Error(message)
    assert failure(error) is None
    monkeypatch.setenv("WATERMAIN_LAKE_PATH", "s3://b/lake")
    found = translate(error, NAME)
    assert isinstance(found, UnreachableSystemError)
    assert "f.parquet: " in found.what
    assert "s3cr3t" not in found.what


@pytest.mark.parametrize("way", [GONE, HUNG, REFUSED, BUSY])
def test_doctor_finds_a_store_that_does_not_serve(
    remote: Lake, relay: StoreRelay, s3_server: str, bucket: str, way: str
) -> None:
    """`lake ok` means that an object was written, read, deleted."""
    settings = load_settings()
    found = doctor._lake(settings)
    with remote.get_connection() as connection:
        newest = remote.snapshot(connection)
    told = f"snapshot {newest}, store s3://{bucket}/files/ writes, reads, deletes"
    assert found == (True, told, "")
    relay.lose(way)
    ok, says, then = doctor._lake(settings)
    assert (ok, then) == (False, "docs/runbooks/the-store-is-away.md")
    assert f"the lake's store s3://{bucket}/files at 127.0.0.1:{relay.port} does not" in says
    relay.calm()
    assert [p for p in stored(s3_server).find(bucket) if PROBE in p] == []


def test_doctor_finds_a_catalog_that_takes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that may only be read is no catalog; one that is gone is named."""
    dsn = load_settings().postgres or ""
    assert probe_catalog(load_settings()).startswith("PostgreSQL ")
    monkeypatch.setenv("WATERMAIN_POSTGRES", f"{dsn} options='-c default_transaction_read_only=on'")
    Lake(catalog=dsn, folder=str(home / "lake")).initialize()
    ok, says, then = doctor._catalog(load_settings())
    assert (ok, then) == (False, "see the server's own log")
    assert says.endswith("cannot execute CREATE TABLE in a read-only transaction")
    monkeypatch.setenv("WATERMAIN_POSTGRES", "host=127.0.0.1 port=1 dbname=x")
    with pytest.raises(UnreachableSystemError, match=r"\(host=127.0.0.1 port=1 dbname=x\)"):
        probe_catalog(load_settings())


def test_probe_finds_a_folder_that_takes_no_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the folder should be; a folder that works is left empty."""
    assert probe_files(load_settings()) == "its folder writes, reads, deletes"
    assert list((home / "lake").iterdir()) == []
    (home / "file").write_text("")
    monkeypatch.setenv("WATERMAIN_LAKE_PATH", str(home / "file"))
    with pytest.raises(UnreachableSystemError, match="takes no file: ") as told:
        probe_files(load_settings())
    assert len(str(told.value).splitlines()) == 4


def test_secret_is_read_where_its_reference_points(remote: Lake, tmp_path: Path) -> None:
    """The engine is told the secret; neither the lake's words nor its folder hold it."""
    assert engine_secret(load_settings())["secret"] == SECRET
    assert SECRET not in repr(remote) + (tmp_path / "lake.json").read_text()
    assert '"WATERMAIN_S3_SECRET": "file:./store-secret"' in (tmp_path / "lake.json").read_text()
