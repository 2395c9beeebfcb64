"""Hostile projects, of which what is wrong is told at its place."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.house.tree import ROOT
from watermain.dbt.dbt_fault import Fault, faults_of
from watermain.dbt.dbt_foreign import repeated

RENDERED_WITHIN = 15.0  # seconds, so that a template that does not end is not waited for
COMPILE = (
    "import sys; from pathlib import Path; from watermain.dbt import dbt_compiler as c;"
    f" c.RENDER_SECONDS = {RENDERED_WITHIN};"
    " c.main(Path(sys.argv[1]), Path(sys.argv[2]), '{}')"
)
PROJECT = 'name: {name}\nversion: "1.0.0"\nprofile: shop\nmodels: {{+materialized: table}}\n'
FILES = {
    "dbt_project.yml": PROJECT.format(name="shop"),
    "packages.yml": "packages:\n  - local: old\n",
    "dbt_packages/old/dbt_project.yml": PROJECT.format(name="old")
    + 'require-dbt-version: [">=0.19.0", "<1.0.0"]\n',
    "dbt_packages/old/models/from_old.sql": "select 1 as id",
    "models/right.sql": "select 1 as id",
    "models/right.yml": "models:\n  - {name: right, description: It is right.}\n",
    "models/endless.sql": (
        "{% for m in range(99999) %}{% for n in range(99999) %}{% endfor %}{% endfor %}\nselect 1"
    ),
    "models/writes.sql": "{% do run_query('drop table lake.x') %}\nselect 1 as id",
    "models/a/twin.sql": "select 1 as id",
    "models/b/twin.sql": "select 2 as id",
    "models/round.sql": "select * from {{ ref('about') }}",
    "models/about.sql": "select * from {{ ref('round') }}",
    "models/twice.sql": "select 1 as id",
    "models/beside.sql": "select 1 as id",
    "models/keys.yml": (
        "models:\n  - name: beside\n  - name: twice\n    description: one\n    description: two\n"
    ),
    "seeds/right_seed.csv": "id\n1\n",
}
LARGE = 2 * 1024**3


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of a project in which each of these stands once."""
    folder = tmp_path_factory.mktemp("hostile")
    project = folder / "project"
    for name, text in FILES.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with (project / "seeds" / "large.csv").open("wb") as seed:
        seed.write(b"id\n1\n")
        seed.truncate(LARGE)  # a file with a hole: it has 2 GB, and takes no room
    (folder / "made").mkdir()
    words = [sys.executable, "-c", COMPILE, str(project), str(folder / "made")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((folder / "made" / "manifest.json").read_text())
    return found


def told(compiled: dict[str, Any], path: str) -> list[Fault]:
    """What is told of one file."""
    return [f for f in faults_of(compiled) if f.path == path]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "line", "what"),
    [
        ("models/endless.sql", 1, f"is not rendered within {RENDERED_WITHIN:.0f} seconds"),
        ("models/writes.sql", 1, "says `run_query`, which asks the database"),
        ("models/a/twin.sql", 1, 'two models with the name "twin"'),
        ("models/b/twin.sql", 1, 'two models with the name "twin"'),
        ("models/keys.yml", 5, "has the key `description` twice"),
        ("seeds/large.csv", 1, f"has {LARGE:,} bytes, of which a seed may have"),
        ("dbt_packages/old/dbt_project.yml", 1, "This version of dbt is not supported"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    compiled: dict[str, Any], path: str, line: int, what: str
) -> None:
    """A template that does not end ends, and two gigabytes are not read."""
    first = told(compiled, path)[0]
    assert what in first.what
    assert first.line == line


@pytest.mark.slow
def test_what_is_right_stands_beside_it(compiled: dict[str, Any]) -> None:
    """Only what is wrong, and what comes from the old package, has a fault."""
    wrong = {f.node for f in faults_of(compiled)} | {f.entry for f in faults_of(compiled)}
    names = {n["name"] for n in compiled["nodes"].values()}
    assert {"right", "beside", "twice", "right_seed", "from_old"} <= names
    assert "model.old.from_old" in wrong
    assert "models.twice" in wrong
    assert not wrong & {"model.shop.right", "models.beside", "seed.shop.right_seed"}
    assert compiled["nodes"]["model.shop.right"]["description"] == "It is right."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("models:\n  - name: a\nmodels:\n  - name: b\n", [(3, "", "models")]),
        ("models:\n  - name: a\n    config: {x: 1, x: 2}\n", [(3, "models.a", "x")]),
        (
            "models:\n  - name: a\n    columns:\n      - {name: b, name: c}\n",
            [(4, "models.a", "name")],
        ),
        ("models:\n  - name: a\n  - name: a\n", []),
        ("a: &here [*here]\n", []),
        ("- 1\n", []),
        ("", []),
    ],
)
def test_keys_that_stand_twice_are_found(text: str, found: list[tuple[int, str, str]]) -> None:
    """In the file, in an entry and in a column of it; two entries are two mappings."""
    assert list(repeated(text)) == found
