"""What there is can be found, with the lake or without it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.catalog.describe import kind
from watermain.cli.exits import WRONG_USE, exit_code
from watermain.declare.errors import UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake, table

FLIGHTS = "operations.curated.flights"
AT = "timestamptz '2026-01-01 00:00:00+00'"
CONTACTS = "operations.curated.airline_contacts"


@pytest.fixture
def away(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose embedded server does not run."""
    monkeypatch.delenv("WATERMAIN_POSTGRES")
    return home


@pytest.fixture
def published(lake: Lake) -> Lake:
    """Two partitions of flights, five rows."""
    name = DatasetName.parse(FLIGHTS)
    with lake.get_connection() as connection:
        connection.execute(f"create schema lake.{name.schema}")
        connection.execute(f"create table {table(name)} as from range(5)")
        for day, rows in (("2013-01-01", 3), ("2013-01-02", 2)):
            connection.execute(
                "insert into lake.upkeep_raw.publishes (dataset, partition, data_version,"
                " rows_out, epoch, run_id, published_at)"
                f" values ('{FLIGHTS}', '{day}', 'v', {rows}, 1, 'r', {AT})"
            )
    return lake


def told(*words: str) -> Any:
    """The facts that a command prints."""
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_list_has_every_dataset_room_by_room(published: Lake) -> None:
    """Raw before curated before marts before features; what is published with rows and moment."""
    found = told("list")
    order = [(each["room"], each["dataset"]) for each in found]
    assert [room for room, _ in order] == sorted(room for room, _ in order)
    stages = [each["stage"] for each in found if each["room"] == "operations"]
    assert stages == sorted(stages, key=["raw", "curated", "marts", "features"].index)
    flights = next(each for each in found if each["dataset"] == FLIGHTS)
    assert (flights["cadence"], flights["owner"]) == ("daily", "team:operations")
    assert (flights["rows"], flights["partitions"]) == (5, 2)
    assert flights["published_at"].startswith("2026-01-01 00:00:00")


def test_list_of_one_room_has_that_room_alone(published: Lake) -> None:
    """In a table with a head, too."""
    assert {each["room"] for each in told("list", "weather")} == {"weather"}
    done = CliRunner().invoke(app, ["list", "operations"])
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["dataset", "cadence", "rows", "published", "owner"]
    (flights,) = [line.split() for line in lines if line.startswith(FLIGHTS)]
    assert flights[1:3] == ["daily", "5"]
    assert flights[-2:] == ["ago", "team:operations"]


def test_room_that_is_not_there_is_told_with_the_nearest(home: Path) -> None:
    """As a misuse."""
    done = CliRunner().invoke(app, ["list", "wether"])
    assert isinstance(done.exception, UnknownDatasetError)
    assert exit_code(done.exception) == WRONG_USE
    assert done.exception.next == "use one of `weather`"


@pytest.mark.parametrize("words", [("list",), ("describe", FLIGHTS)])
def test_what_is_declared_is_told_without_a_lake(away: Path, words: tuple[str, ...]) -> None:
    """With a line that says so, which ends well none the less."""
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    assert FLIGHTS in done.stdout
    assert "one row per flight leg" in done.stdout
    assert done.stderr == (
        "the lake does not answer, so only what is declared is told; next: watermain up\n"
    )


def test_search_finds_names_columns_descriptions_owners(away: Path) -> None:
    """All of the words, in whatever case; the best hit first."""
    found = told("search", "flights")
    assert found[0]["dataset"] in (FLIGHTS, "operations.raw.flights")
    by_column = {each["dataset"]: each["columns"] for each in told("search", "Registration")}
    assert "tail_number" in {c["name"] for c in by_column[FLIGHTS]}
    assert {each["owner"] for each in told("search", "team:weather")} == {"team:weather"}
    both = {each["dataset"] for each in told("search", "tail_number", "curated")}
    assert FLIGHTS in both
    assert "operations.raw.flights" not in both


def test_search_shows_the_columns_that_tell_of_it(away: Path) -> None:
    """Each with its meaning; names with brackets are no markup."""
    done = CliRunner().invoke(app, ["search", "air_time_minutes", "curated"])
    assert re.search(r"^  air_time_minutes +time in the air \(minutes\)$", done.stdout, re.M)
    assert f"{FLIGHTS}  one row per flight leg" in done.stdout


def test_search_that_finds_nothing_names_what_is_like_it(away: Path) -> None:
    """A slip of the finger is told with what was meant; else where all is listed."""
    done = CliRunner().invoke(app, ["search", "tail_numbr"])
    assert isinstance(done.exception, UnknownDatasetError)
    assert "`tail_number`" in done.exception.next
    lost = CliRunner().invoke(app, ["search", "xyzzyq"])
    assert isinstance(lost.exception, UnknownDatasetError)
    assert lost.exception.next == "watermain list"


def test_describe_tells_all_that_is_declared(published: Lake) -> None:
    """In words, with inputs, readers, checks: each with its rule and where it is declared."""
    about = told("describe", FLIGHTS)
    assert about["grain"] == "one row per flight leg"
    assert about["description"].startswith("Keep the latest state of each flight")
    assert about["inputs"] == ["operations.raw.flights"]
    assert "operations.marts.fct_departures" in about["readers"]
    assert about["cadence"].startswith("daily in America/New_York from 20")
    assert about["promise"].startswith("partitions ready within")
    columns = {c["name"]: c for c in about["columns"]}
    assert columns["flight_id"]["nullable"] is False
    assert columns["departed_at"] == {
        "name": "departed_at", "type": "timestamp UTC", "unit": None, "nullable": True,
        "sensitivity": "internal", "description": "gate out; null until then",
    }  # fmt: skip
    checks = {c["check"]: c for c in about["checks"]}
    rule = "`origin` is one of EWR, JFK, LGA; blocks the partition otherwise."
    assert checks["accepted_values_origin"]["rule"] == rule
    assert re.search(r"operations/curated.py:\d+$", checks["accepted_values_origin"]["declared"])
    assert (about["published"]["rows"], about["published"]["partitions"]) == (5, 2)


def test_nothing_is_told_in_python(away: Path) -> None:
    """Neither a cadence, nor a promise, a source or a rule."""
    for name in ("operations.raw.movements", "weather.raw.observations", FLIGHTS):
        told_of = json.dumps(told("describe", name))
        assert not re.search(r"datetime\.|\(zone=|connection=|timedelta|DatasetName", told_of)


def test_describe_shows_what_a_column_would_reveal_where_it_matters(away: Path) -> None:
    """Personal columns are named; where none is, the column is left out."""
    shown = CliRunner().invoke(app, ["describe", CONTACTS]).stdout
    assert re.search(r"^email +\S+ .*personal", shown, re.M)
    assert "sensitivity" not in CliRunner().invoke(app, ["describe", FLIGHTS]).stdout
    assert "internal" not in shown


def test_describe_takes_the_short_name_of_a_feature_table(away: Path) -> None:
    """As serving and training do."""
    about = told("describe", "prediction.features.airport_delay")
    assert re.fullmatch(r"prediction\.features\.airport_delay_v\d+", about["dataset"])


@pytest.mark.parametrize(
    ("type", "words"),
    [
        (pa.timestamp("us", "UTC"), "timestamp UTC"),
        (pa.timestamp("us"), "timestamp, local"),
        (pa.date32(), "date"),
        (pa.decimal128(12, 2), "decimal128(12, 2)"),
    ],
)
def test_type_is_told_shortly(type: pa.DataType, words: str) -> None:
    """The unit of an instant is the platform's own."""
    assert kind(type) == words
