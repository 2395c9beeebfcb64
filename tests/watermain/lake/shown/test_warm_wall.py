"""The engine that answered last answers again, with no more in it than anyone may ask for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import duckdb
import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from watermain import read
from watermain.declare.errors import UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake, table
from watermain.lake.shown import warm_wall
from watermain.lake.shown.shown import Shown
from watermain.lake.shown.warm_wall import Asked, answering, forget

SALES, STOCK, PEOPLE = (DatasetName.parse(f"shop.raw.{n}") for n in ("sales", "stock", "people"))


def nothing(column: str) -> bool:
    """All is shown."""
    return False


def hides_names(name: DatasetName) -> warm_wall.Hides:
    """People's names are masked, nothing else."""
    return lambda column: name == PEOPLE and column == "word"


@pytest.fixture(autouse=True)
def stocked(lake: Lake) -> Iterator[Lake]:
    """Three tables of 600 rows; what was kept before is forgotten."""
    forget()
    with lake.get_connection() as connection:
        connection.execute("create schema lake.shop_raw")
        for name in (SALES, STOCK, PEOPLE):
            connection.execute(
                f"create table {table(name)} as select range as id, 'w' || range as word"
                " from range(600)"
            )
    yield lake
    forget()


@contextmanager
def opened(
    lake: Lake, *names: DatasetName, hides: warm_wall.HidesOf = hides_names, alone: bool = False
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Shown]]]:
    """An engine for a question about the newest snapshot."""
    with lake.get_connection() as connection:
        newest = lake.snapshot(connection)
        question = Asked(snapshot=newest, newest=newest, names=names, hides=hides, alone=alone)
        with answering(lake, connection, question) as found:
            yield found


def asked(
    lake: Lake, *names: DatasetName, hides: warm_wall.HidesOf = hides_names, alone: bool = False
) -> tuple[duckdb.DuckDBPyConnection, set[str]]:
    """The engine that answered, all that was in it."""
    with opened(lake, *names, hides=hides, alone=alone) as (engine, tables):
        assert [each.name for each in tables] == list(names)
        for name in names:
            row = engine.execute(f"select count(*), max(word) from {name}").fetchone()
            assert row == (600, "***" if hides(name)("word") else "w99")
        return engine, held(engine)


def held(engine: duckdb.DuckDBPyConnection) -> set[str]:
    """The views of an engine."""
    rows = engine.execute("select view_name from duckdb_views() where not internal").fetchall()
    return {str(row[0]) for row in rows}


def folders(home: Path) -> Collection[Path]:
    """What engines have on disk."""
    return list((home / "tmp").glob("read-*"))


def test_the_same_question_is_answered_by_the_same_engine(lake: Lake) -> None:
    """As long as nothing was published."""
    first, _ = asked(lake, SALES)
    assert asked(lake, SALES)[0] is first
    with lake.get_connection() as connection:
        connection.execute(f"insert into {table(STOCK)} values (600, 'w')")
    assert asked(lake, SALES)[0] is not first


def test_a_question_about_more_opens_one_for_all_that_was_asked(lake: Lake) -> None:
    """So that questions in turn about two tables meet one engine."""
    asked(lake, SALES)
    both, tables = asked(lake, STOCK)
    assert tables == {"sales", "stock"}
    assert asked(lake, SALES)[0] is both
    assert asked(lake, STOCK, SALES)[0] is both


def test_masked_rows_are_never_kept(lake: Lake, home: Path) -> None:
    """Their engine holds what was asked for alone; its copies go with it."""
    asked(lake, SALES)
    engine, tables = asked(lake, PEOPLE, SALES)
    assert tables == {"people", "sales"}
    assert folders(home) == []
    assert asked(lake, SALES)[0] is not engine


def test_what_is_masked_by_now_is_held_no_longer(lake: Lake) -> None:
    """A table that was shown whole to a question before."""
    asked(lake, SALES, PEOPLE, hides=lambda name: nothing)
    assert asked(lake, SALES)[1] == {"sales"}


def test_what_is_masked_in_some_rows_is_held_no_longer(lake: Lake) -> None:
    """Though no column of it is masked in all."""
    kept, _ = asked(lake, SALES)
    with lake.get_connection() as connection:
        newest = lake.snapshot(connection)
        question = Asked(
            snapshot=newest,
            newest=newest,
            names=[SALES],
            hides=hides_names,
            partly={SALES: {"word": "id > 9"}},
        )
        with answering(lake, connection, question) as (engine, _):
            assert engine is not kept
            seen = engine.execute(f"select count(*) from {SALES} where word = '***'").fetchone()
    assert seen == (10,)


def test_what_nobody_declares_by_now_is_held_no_longer(lake: Lake) -> None:
    """A question is never refused for a table that it does not name."""

    def stock_alone(name: DatasetName) -> warm_wall.Hides:
        if name != STOCK:
            raise UnknownDatasetError(str(name), declared="", data="", next="")
        return nothing

    asked(lake, SALES)
    assert asked(lake, STOCK, hides=stock_alone)[1] == {"stock"}


def test_disclosure_is_alone_with_its_engine(lake: Lake) -> None:
    """It neither uses the kept engine, nor leaves its own."""
    kept, _ = asked(lake, SALES)
    assert asked(lake, PEOPLE, hides=lambda name: nothing, alone=True)[1] == {"people"}
    assert asked(lake, SALES) == (kept, {"sales"})


def test_question_that_failed_leaves_no_engine(lake: Lake, home: Path) -> None:
    """Whatever state it was left in."""
    kept, _ = asked(lake, SALES)
    with pytest.raises(read.RefusedQueryError, match="nowhere"):
        read.query(f"select nowhere from {SALES}", lake=lake, unmask="to see it fail")
    assert asked(lake, SALES)[0] is kept

    def fails() -> None:
        with opened(lake, SALES) as (own, _):
            assert own is kept
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert folders(home) == []
    assert asked(lake, SALES)[0] is not kept


def test_two_questions_at_once_never_share_an_engine(lake: Lake, home: Path) -> None:
    """One of the engines is kept."""
    asked(lake, SALES)
    meet = Barrier(2)

    def ask(_: int) -> duckdb.DuckDBPyConnection:
        with opened(lake, SALES) as (own, _):
            meet.wait(240)
            assert own.execute(f"select count(*) from {SALES}").fetchone() == (600,)
            return own

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, range(2))
    assert first is not second
    assert len(folders(home)) == 1


def test_engine_that_nobody_asks_goes(
    lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its memory and its folder; the next question opens another."""
    asked(lake, SALES)
    monkeypatch.setattr(warm_wall, "IDLE_SECONDS", 0.05)
    kept, _ = asked(lake, SALES)
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.05), reraise=True):
        with attempt:
            assert folders(home) == []
    assert warm_wall._IDLE == {}
    assert asked(lake, SALES)[0] is not kept


def test_fork_leaves_the_engine_with_its_parent(lake: Lake) -> None:
    """The child has none, closes none."""
    kept, _ = asked(lake, SALES)
    child = os.fork()
    if child == 0:
        forget()
        os._exit(0 if warm_wall._IDLE else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asked(lake, SALES)[0] is kept


def test_rows_end_with_the_block_of_their_question(lake: Lake) -> None:
    """A reader that goes on later meets no rows of the next question."""
    with read.reading(f"from {SALES}", lake=lake, unmask="to read on") as answer:
        rows = answer.batches
    assert list(rows) == []
