"""The engine that answers people reaches the lake's shown rows, nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.watermain.lake import hostile
from watermain import read
from watermain.declare.errors import UnknownDatasetError, UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.engine.rooms.question import RefusedQueryError
from watermain.lake.lake import Lake, table
from watermain.lake.shown.shown import shown
from watermain.lake.shown.wall import EngineClock, batches, walled

FLIGHTS = DatasetName.parse(hostile.FLIGHTS)
CONTACTS = DatasetName.parse("operations.curated.contacts")
MARKERS = ("MARKER-FILE", "MARKER-ENV", "MARKER-PERSON", "MARKER-MAIL")
WRONG = (RefusedQueryError, UnknownDatasetError, UnreachableSystemError)


@dataclass(frozen=True)
class Scene:
    """What an attacker would like to see, with the places that a statement may name."""

    lake: Lake
    places: dict[str, str]

    def statement(self, template: str) -> str:
        """An attack on this scene."""
        for word, place in self.places.items():
            template = template.replace("{" + word + "}", place)
        return template

    @contextmanager
    def engine(self, *names: DatasetName) -> Iterator[duckdb.DuckDBPyConnection]:
        """A walled engine that shows flights as they are, contacts without names."""
        masks = {name: (lambda column: column in ("name", "email")) for name in names}
        with self.lake.get_connection() as connection:
            tables = shown(self.lake, connection, self.lake.snapshot(connection), masks)
            with walled(self.lake, connection, tables) as engine:
                yield engine


@pytest.fixture
def scene(lake: Lake, home: Path) -> Scene:
    """A lake with flights of 1,000 rows, people with names, secrets in files beside it."""
    file = home / "secret.csv"
    file.write_text("a,b\nMARKER-FILE,2\n")
    (home / "watermain.env").write_text("WATERMAIN_SOURCE_SHOP=MARKER-ENV\n")
    with lake.get_connection() as connection:
        connection.execute("create schema lake.operations_curated")
        connection.execute(
            f"create table {table(FLIGHTS)} as select range as flight_id, 'EWR' as origin,"
            " (range / 7)::decimal(12, 2) as fee from range(1000)"
        )
        connection.execute(
            f"create table {table(CONTACTS)} as select range as id, 'MARKER-PERSON' as name,"
            " 'MARKER-MAIL' as email, null::varchar as phone from range(1000)"
        )
        files = connection.execute(
            "select data_file from ducklake_list_files('lake', 'contacts',"
            " schema => 'operations_curated')"
        ).fetchall()
    places = {
        "file": str(file),
        "home": str(home),
        "parquet": str(files[0][0]),
        "dsn": lake.catalog.replace("'", "''"),
    }
    return Scene(lake, places)


def test_no_statement_leaves_the_engine_whatever_a_parser_thinks_of_it(scene: Scene) -> None:
    """Each attack runs in the engine itself, past every check of its words: no secret comes."""
    people_in_python = pa.table({"name": ["MARKER-PERSON"]})
    told, left = {}, list(hostile.EVERY)
    while left:
        with scene.engine(FLIGHTS, CONTACTS) as engine:
            while left and _seen(engine, scene, left.pop(), told):
                continue
    assert told == {}
    assert people_in_python.num_rows == 1
    assert sorted(p.name for p in Path(scene.places["home"]).glob("out*")) == []


def _seen(
    engine: duckdb.DuckDBPyConnection, scene: Scene, attack: str, told: dict[str, list[str]]
) -> bool:
    """Note what an attack gives away; say whether the engine lives on."""
    try:
        rows = engine.execute(scene.statement(attack)).fetchall()
    except (duckdb.InternalException, duckdb.FatalException):
        return False
    except duckdb.Error:
        return True
    seen = [m for m in (*MARKERS, scene.places["dsn"]) if m in repr(rows)]
    told.update({attack: seen} if seen else {})
    return True


def test_every_hostile_question_is_refused_in_four_lines(scene: Scene) -> None:
    """Through the front door each is refused by name; whatever is answered holds no secret."""
    told = {attack: _told(scene, attack) for attack in hostile.EVERY}
    answered = {attack for attack, lines in told.items() if not lines}
    assert {attack for attack, lines in told.items() if lines and lines != 4} == set()
    harmless = {
        "select * from operations.curated.contacts",
        "select current_setting('secret_directory')",
        "select current_setting('temp_directory')",
        "select write_log('x')",
    }
    assert answered <= harmless


def _told(scene: Scene, attack: str) -> int:
    """The lines of the refusal; none where there is an answer, which holds no secret."""
    try:
        rows = read.query(scene.statement(attack), lake=scene.lake).rows
    except WRONG as error:
        return len(str(error).splitlines())
    assert [m for m in MARKERS if m in repr(rows.to_pylist())] == []
    return 0


def test_masks_lie_beneath_every_way_to_name_a_column(scene: Scene) -> None:
    """Text comes as asterisks, by whichever road; what was null stays null."""
    roads = (
        "select name from operations.curated.contacts",
        'select "NAME" from operations.curated.contacts',
        "select operations.curated.contacts.name from operations.curated.contacts",
        "select c from operations.curated.contacts c",
        "select struct_pack(x := c) from operations.curated.contacts c",
        "select to_json(c) from operations.curated.contacts c",
        "select columns('na.*') from operations.curated.contacts",
        "select * exclude (id) from operations.curated.contacts",
        "select * replace (upper(name) as name) from operations.curated.contacts",
        "select c.* from operations.curated.contacts c semi join range(9) d(id) using (id)",
        "select id from operations.curated.contacts where name like 'MARKER%'",
        "select id from operations.curated.contacts order by name",
        "select max(name), min(email), list(name)[1] from operations.curated.contacts",
        "select string_agg(email) from operations.curated.contacts",
        "select name.substr(1, 6) from operations.curated.contacts",
        "select approx_top_k(name, 3) from operations.curated.contacts",
        "summarize operations.curated.contacts",
        "unpivot operations.curated.contacts on name, email",
        "from operations.curated.contacts union by name from operations.curated.contacts",
        "with t as (from operations.curated.contacts) select t.name from t",
        "select (select any_value(name) from operations.curated.contacts)",
        "select case when name = 'MARKER-PERSON' then 1 / 0 end from operations.curated.contacts",
    )
    with scene.engine(CONTACTS) as engine:
        seen = {road: engine.execute(road).fetchall() for road in roads}
        row = engine.execute("from operations.curated.contacts limit 1").fetchone()
    assert row == (0, "***", "***", None)
    assert [road for road, rows in seen.items() if "MARKER" in repr(rows)] == []
    assert seen["select id from operations.curated.contacts where name like 'MARKER%'"] == []


def test_engine_opens_the_shown_files_alone(scene: Scene) -> None:
    """Its settings name each file, cannot be changed, hold no secret."""
    with scene.engine(FLIGHTS) as engine:
        assert engine.execute("select sum(fee) from operations.curated.flights").fetchone()
        allowed = engine.execute("select current_setting('allowed_paths')").fetchone()
        assert allowed is not None
        assert all("flights" in p for p in allowed[0])
        assert engine.execute("from duckdb_secrets()").fetchall() == []
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            engine.execute("set enable_external_access = true")


def test_engine_leaves_nothing_behind(scene: Scene) -> None:
    """Its folder with copied rows is its owner's alone, gone at the end."""
    above = Path(scene.places["home"]) / "tmp"
    with scene.engine(FLIGHTS, CONTACTS):
        (own,) = above.glob("read-*")
        assert own.stat().st_mode & 0o077 == 0
    assert list(above.glob("read-*")) == []


def test_clock_stops_a_question_that_takes_too_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is a setting; the four lines name it."""
    monkeypatch.setenv("WATERMAIN_READ_SECONDS", "0.2")
    with pytest.raises(read.QueryLimitError, match=r"stopped after 0\.2 s") as caught:
        read.query("select count(*) from range(1000000000) a, range(1000000000) b", lake=scene.lake)
    assert caught.value.declared == "WATERMAIN_READ_SECONDS"


def test_question_that_needs_more_memory_than_allowed_is_stopped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's bound is the answer's bound."""
    monkeypatch.setenv("WATERMAIN_MEMORY_LIMIT", "100MB")
    with pytest.raises(read.QueryLimitError, match="more memory") as caught:
        read.query("select list(range) from range(100000000)", lake=scene.lake)
    assert caught.value.declared == "WATERMAIN_MEMORY_LIMIT"


def test_clock_counts_the_engine_not_the_reader(scene: Scene) -> None:
    """Rows come in portions; a reader who pauses between them loses nothing."""
    clock, waited = EngineClock(60.0), threading.Event()
    with scene.engine() as engine:
        (statement,) = engine.extract_statements("select range as n from range(300000)")
        schema, portions = batches(engine, statement, clock)
        sizes = [next(portions).num_rows]
        left = clock.left
        waited.wait(0.3)
        assert clock.left == left
        sizes += [portion.num_rows for portion in portions]
    assert schema.names == ["n"]
    assert sum(sizes) == 300_000
    assert len(sizes) > 1
