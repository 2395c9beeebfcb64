"""The compiler of dbt projects: what is wrong is told at its place, the rest compiles."""

from __future__ import annotations

from typing import Any

import pytest

from tests.watermain.dbt.museum import ROOM, compiled_museum
from watermain.dbt.dbt import load_manifest
from watermain.dbt.dbt_fault import Fault, faults_of

pytestmark = pytest.mark.slow  # it starts dbt


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of a project in which every kind of mistake stands once."""
    return load_manifest(compiled_museum(tmp_path_factory.mktemp("museum")))


def fault(museum: dict[str, Any], path: str) -> Fault:
    """What is wrong with one file."""
    (found,) = (f for f in faults_of(museum) if f.path == path)
    return found


@pytest.mark.parametrize(
    ("path", "line", "what", "next_step"),
    [
        ("asks.sql", 2, "says `run_query`, which asks the database", "in a `var`"),
        ("asks_far.sql", 1, "`run_query`, through the macro `asking`, which asks", "in a `var`"),
        ("columns_of_past.sql", 1, "asks for the columns of `past`, which", "columns out"),
        ("nowhere.sql", 2, 'reads `ref("nothing")`, which does not exist', "mend"),
        (
            "unsourced.sql",
            1,
            'reads `source("operations_curated", "nosuch")`, which does not exist',
            "watermain new dbt-sources",
        ),
        ("syntax.sql", 2, "Expected an expression, got 'end of statement block'", "syntax.sql"),
        ("package.sql", 2, "calls `dbt_utils`, a package that is not installed", "dbt deps"),
        ("clock.sql", 2, "says `run_started_at`, which differs each time", "of an input"),
        ("today.sql", 2, "says `now`, which differs each time", "of an input"),
        ("divides.sql", 1, "division by zero", "mend"),
        ("unset.sql", 1, "Env var required but not provided: 'NO_SUCH'", "mend"),
        ("unvaried.sql", 1, "Required var 'no_such' not found", "mend"),
        ("torn_macro.sql", 1, "calls `torn`, which is wrong itself: macros/torn.sql:2", "mend"),
        ("bytes.sql", 1, "codec can't decode byte 0xff", "mend"),
        ("twin.sql", 1, 'dbt found two models with the name "twin"', "mend"),
        ("odd.yml", 2, "'perhaps' is not of type 'boolean'", "mend"),
        ("many.yml", 3, "7 is not of type 'array'", "mend"),
        ("unread.yml", 3, "Syntax error near line 3", "mend"),
        ("no_word.yml", 2, "takes no keyword argument 'valuez'", "mend"),
        ("severe.yml", 2, "Severity must be either 'warn' or 'error'", "mend"),
        ("no_test.yml", 1, "calls `test_no_such_test`, which nothing defines", "mend"),
        ("no_target.yml", 1, 'reads `ref("gone")`, which does not exist', "mend"),
    ],
)
def test_each_mistake_is_told_at_its_file(
    museum: dict[str, Any], path: str, line: int, what: str, next_step: str
) -> None:
    """The file, the line, dbt's words or ours, what to do."""
    found = fault(museum, f"{ROOM}/{path}")
    assert what in found.what
    assert next_step in found.next
    assert found.line == line


def test_mistakes_beside_the_marts_are_told_at_their_files(museum: dict[str, Any]) -> None:
    """A macro, a part of models, the twin in another team."""
    assert fault(museum, "macros/torn.sql").line == 2
    assert fault(museum, "models/part.sql").what.startswith("says `run_query`")
    assert "two models" in fault(museum, "models/marts/weather/twin.sql").what


def test_what_is_right_compiles_beside_what_is_wrong(museum: dict[str, Any]) -> None:
    """Neither a torn macro nor a package that is absent holds up a model that needs neither."""
    nodes = museum["nodes"]
    for name in ("right", "right_too", "given", "warned", "beside"):
        assert f"model.watermain.{name}" not in {f.node for f in faults_of(museum)}
    assert nodes["model.watermain.right"]["compiled_code"] == (
        'select tail_number from "lake"."operations_curated"."aircraft"'
    )
    assert "<> 'dear'" in nodes["model.watermain.given"]["compiled_code"]
    assert nodes["model.watermain.asks"].get("compiled_code") is None


def test_a_query_that_reads_no_table_is_answered(museum: dict[str, Any]) -> None:
    """What it comes to follows from the files; one that asks the clock is refused."""
    assert "-- 10 days" in museum["nodes"]["model.watermain.reckons"]["compiled_code"]


def test_the_variables_that_templates_ask_for_are_known(museum: dict[str, Any]) -> None:
    """By name, with a hash of what they hold, which is nothing here."""
    assert museum["watermain"]["asked"] == {"MUSEUM": None, "NO_SUCH": None}
