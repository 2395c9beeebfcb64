"""The lake commits whole transactions, names what went wrong."""

from __future__ import annotations

import errno
import json
import os
from contextlib import nullcontext, suppress
from pathlib import Path

import duckdb
import pytest

from tests.watermain.lake.struck import DEADLY, lay_trap
from watermain.declare import DatasetName
from watermain.declare.errors import (
    BrokenEngineError,
    DiskFullError,
    LostLeaseError,
    MissingExtraError,
    UnreachableSystemError,
)
from watermain.lake.engine_error import translate
from watermain.lake.fence import Lease
from watermain.lake.lake import MOST_ENGINES, Lake, extension, quote, table, text
from watermain.settings import load_settings

NAME = "shop.curated.sales"


def make(connection: duckdb.DuckDBPyConnection) -> None:
    """A table with more rows than the catalog keeps for itself."""
    connection.execute("create schema lake.shop_curated")
    connection.execute("create table lake.shop_curated.sales as select range as n from range(600)")


def make_then_fail(connection: duckdb.DuckDBPyConnection) -> None:
    """A block that changes its mind."""
    make(connection)
    raise ZeroDivisionError


def test_transaction_commits_with_a_message(lake: Lake) -> None:
    """The snapshot says who made it; the new file is counted."""
    with lake.fence.lease(NAME) as lease, lake.get_connection() as connection:
        before = lake.snapshot(connection)
        with lake.transaction(connection, lease, "publish it's sales") as written:
            make(connection)
            size = written.sync()
        assert lake.snapshot(connection) == before + 1
        said = connection.execute(
            "select commit_message, commit_extra_info from lake.snapshots() order by 1 desc limit 1"
        ).fetchone()
    files = [p for p in Path(lake.folder).rglob("*.parquet") if "shop_curated" in str(p)]
    assert size == sum(p.stat().st_size for p in files) > 0
    assert said is not None
    assert said[0] == "publish it's sales"
    (claim,) = json.loads(said[1])
    assert (claim["dataset"], claim["epoch"], len(claim["commit"])) == (NAME, 1, 32)


def test_transaction_changes_nothing_when_the_block_fails(lake: Lake) -> None:
    """An error of the block comes through as it is."""
    with lake.fence.lease(NAME) as lease, lake.get_connection() as connection:
        before = lake.snapshot(connection)
        with pytest.raises(ZeroDivisionError), lake.transaction(connection, lease, "never"):
            make_then_fail(connection)
        assert lake.snapshot(connection) == before
        assert connection.execute(
            "select count(*) from duckdb_tables() where table_name = 'sales'"
        ).fetchone() == (0,)


def test_sync_leaves_out_files_that_were_there_before(lake: Lake) -> None:
    """Only what the transaction wrote is flushed, counted."""
    with lake.fence.lease(NAME) as lease, lake.get_connection() as connection:
        with lake.transaction(connection, lease, "first"):
            make(connection)
        for path in Path(lake.folder).rglob("*.parquet"):
            os.utime(path, (0, 0))
        with lake.transaction(connection, lease, "second") as written:
            assert written.sync() == 0


def test_connection_speaks_utc_with_extensions_from_wheels(lake: Lake) -> None:
    """Nothing is downloaded, nothing depends on the machine's zone."""
    with lake.get_connection() as connection:
        zone, loads = connection.execute(
            "select current_setting('timezone'), current_setting('autoinstall_known_extensions')"
        ).fetchone() or ("", True)
    assert (zone, loads) == ("UTC", False)
    assert Path(extension("ducklake")).exists()
    with pytest.raises(MissingExtraError, match="extension never_made is not installed"):
        extension("never_made")


def test_connections_share_an_engine_but_no_temporary_table(lake: Lake) -> None:
    """What one block makes for itself another does not see."""
    with lake.get_connection() as one, lake.get_connection() as other:
        assert lake._engine() is lake._engine()
        one.execute("create temp table own as select 1 as n")
        with pytest.raises(duckdb.CatalogException):
            other.execute("from own")


def test_engine_that_was_inherited_by_fork_is_never_ended(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads did not come along, so that its end would wait for them for ever."""
    engines: dict[tuple[object, ...], duckdb.DuckDBPyConnection] = {(0,): duckdb.connect()}
    monkeypatch.setattr("watermain.lake.lake._ENGINES", engines)
    for number in range(MOST_ENGINES + 2):
        other = lake.model_copy(update={"connection_config": {"threads": number + 1}})
        with other.get_connection() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert len(engines) == MOST_ENGINES + 1
    assert (0,) in engines


def test_lake_of_one_thread_is_the_same_lake_on_an_engine_of_its_own(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What asks often and little has one thread, whatever a step of a run may have."""
    monkeypatch.delenv("WATERMAIN_THREADS")
    asked = "select current_setting('threads'), (select count(*) from lake.snapshots())"
    with lake.get_connection() as step, lake.of_one_thread().get_connection() as small:
        threads, snapshots = step.execute(asked).fetchall()[0]
        assert threads == load_settings().threads > 1
        assert small.execute(asked).fetchall() == [(1, snapshots)]


def test_lake_tells_of_a_catalog_that_does_not_answer(home: Path) -> None:
    """Opening a connection fails with four lines."""
    away = Lake(catalog="host=127.0.0.1 port=1 dbname=lake", folder=str(home / "lake"))
    with pytest.raises(UnreachableSystemError) as told, away.get_connection():
        pass
    assert len(str(told.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), DiskFullError),
        (duckdb.IOException("Could not write file: No space left on device"), DiskFullError),
        (duckdb.Error("raised: watermain lost lease: a held epoch 1, now 2"), LostLeaseError),
        (duckdb.Error("COMMIT: server closed the connection"), UnreachableSystemError),
        (duckdb.Error('Failed to execute query "ROLLBACK": '), UnreachableSystemError),
        (duckdb.Error("FATAL: terminating connection due to"), UnreachableSystemError),
    ],
)
def test_translate_names_what_we_know(error: Exception, kind: type[Exception]) -> None:
    """Each becomes the declared error in four lines."""
    found = translate(error, NAME)
    assert type(found) is kind
    assert len(str(found).splitlines()) == 4


def test_translate_leaves_alone_what_it_does_not_know() -> None:
    """An error of ours, or of nobody we know, stays itself."""
    for error in (ValueError("what"), duckdb.Error("Binder Error"), RuntimeError("terminating")):
        assert translate(error, NAME) is error


def test_names_are_quoted() -> None:
    """Quotes inside are doubled."""
    assert text("it's") == "'it''s'"
    assert quote('a"b') == '"a""b"'
    assert table(DatasetName.parse(NAME)) == 'lake."shop_curated"."sales"'


def end(lake: Lake, *, swallowed: bool = False) -> None:
    """Let the engine of a connection end itself, tell of it or go on asking."""
    with lake.get_connection() as connection:
        with suppress(duckdb.InternalException) if swallowed else nullcontext():
            connection.execute(DEADLY)
        connection.execute("select 1")


def end_in_transaction(lake: Lake, lease: Lease) -> None:
    """Let the engine end itself where rows were written already."""
    with lake.get_connection() as connection, lake.transaction(connection, lease, "never"):
        make(connection)
        connection.execute(DEADLY)


@pytest.mark.parametrize("swallowed", [False, True], ids=["told", "swallowed"])
def test_engine_that_ended_itself_is_opened_anew(lake: Lake, swallowed: bool) -> None:
    """The next connection works, whether or not anybody was told of the end."""
    lay_trap(lake)
    with lake.get_connection() as bystander:
        with pytest.raises(BrokenEngineError) as told:
            end(lake, swallowed=swallowed)
        with pytest.raises(duckdb.FatalException, match="database has been invalidated"):
            bystander.execute("select 1")
        assert told.value.what.startswith("the lake: the engine ended itself: ")
        assert told.value.next == "run it again, with an engine that is opened anew"
        with lake.get_connection() as connection:
            make(connection)
            assert lake.snapshot(connection) > 0
    with lake.get_connection() as connection:
        found = connection.execute("select count(*) from lake.shop_curated.sales").fetchone()
    assert found == (600,)


def test_engine_that_ended_unseen_is_not_handed_out(lake: Lake) -> None:
    """A connection finds out as it is opened, so that no reader is turned away twice."""
    lay_trap(lake)
    unseen = lake._engine().cursor()
    with pytest.raises(duckdb.InternalException):
        unseen.execute(DEADLY)
    with lake.get_connection() as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)


def test_engine_that_ends_in_a_transaction_publishes_nothing(lake: Lake) -> None:
    """Its writer is told in four lines; the next one publishes."""
    lay_trap(lake)
    with lake.fence.lease(NAME) as lease:
        with pytest.raises(BrokenEngineError, match=NAME):
            end_in_transaction(lake, lease)
        with lake.get_connection() as connection, lake.transaction(connection, lease, "sales"):
            make(connection)
    assert len(list((Path(lake.folder) / "shop_curated").rglob("sales/*.parquet"))) >= 1
