"""The house keeps its rules, each of which is shown to bite."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch

import pytest

from tests.house import arrows, manners, picture, pins, silence, sizes
from tests.house.tree import ROOT, Rule, repository

RULES: tuple[Rule, ...] = (
    arrows.floors_are_climbed_upwards_only,
    arrows.engine_districts_keep_their_order,
    arrows.kinds_of_source_are_strangers,
    arrows.rooms_are_strangers,
    arrows.rooms_know_only_the_words,
    arrows.dagster_stays_at_home,
    arrows.platform_ignores_the_outside,
    arrows.tests_ignore_the_benchmarks,
    arrows.commands_import_at_their_top,
    arrows.imports_make_no_cycle,
    sizes.functions_are_short,
    sizes.most_functions_are_very_short,
    sizes.modules_are_short,
    sizes.folders_are_small,
    sizes.parameters_are_few,
    sizes.tests_weigh_as_much_as_source,
    manners.first_lines_are_one_sentence,
    manners.environment_is_read_in_settings,
    manners.errors_are_caught_by_name,
    manners.files_are_replaced_in_one_way,
    manners.nothing_is_pickled,
    manners.no_test_is_left_out,
    manners.names_say_something,
    manners.pages_join_what_they_say,
    manners.datasets_are_asked_what_they_are,
    manners.class_names_are_unique,
    manners.nothing_is_put_off,
    manners.machines_stay_unnamed,
    pins.dependencies_are_chosen,
    pins.wheel_needs_what_it_imports,
    pins.wheel_allows_what_is_locked,
    silence.importing_does_nothing,
)


@pytest.fixture(scope="module")
def house() -> dict[str, str]:
    """The files of this repository."""
    return repository()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_house_keeps_the_rule(rule: Rule, house: Mapping[str, str]) -> None:
    """Each rule finds nothing in this repository."""
    broken = rule(house)
    assert not broken, "\n" + "\n".join(broken)


def test_picture_of_the_house_is_current(house: dict[str, str]) -> None:
    """It shows the folders and the arrows that are there: `make picture` draws it."""
    page = house[picture.PAGE]
    assert page == picture.drawn(page, house)
    assert "capture --> engine_feature" not in page


def lines(count: int, indent: str = "") -> str:
    """That many lines of code."""
    return f"{indent}x = 1\n" * count


ROOM = "platform_assets/billing/curated.py"
OTHER = "platform_assets/weather/raw.py"
WORDS = "watermain/declare/name.py"
WHEEL = '[project]\nname = "watermain"\ndependencies = ["{}"]\n'
BITES: tuple[tuple[Rule, dict[str, str], str], ...] = (
    (arrows.floors_are_climbed_upwards_only, {"watermain/a.py": "import watermain.engine"},
     "watermain/a.py:1 imports watermain.engine"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/engine/a.py": "def f():\n    import watermain.orchestrate.asset"},
     "watermain/engine/a.py:2 imports watermain.orchestrate.asset"),
    (arrows.floors_are_climbed_upwards_only, {WORDS: "from watermain.lake import lake"},
     "imports watermain.lake"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/engine/a.py": "from ..cli import new", "watermain/cli/new.py": ""},
     "imports watermain.cli.new"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/a.py": "from importlib import import_module\nimport_module('watermain.cli.new')"},
     "imports watermain.cli.new"),
    (arrows.floors_are_climbed_upwards_only,
     {ROOM: "from platform_assets.billing import definitions",
      "platform_assets/billing/definitions.py": ""}, "imports platform_assets.billing.definitions"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/read.py": "import watermain.orchestrate.location"}, "floor 4 (read)"),
    (arrows.commands_import_at_their_top,
     {"watermain/cli/a.py": "def f():\n    from watermain.lake import lake"}, "a.py:2 imports"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/cli/a.py": "from watermain.testing import run"}, "imports watermain.testing"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/engine/a.py": "def f():\n    import watermain.testing.called"},
      "may not import"),
    (arrows.floors_are_climbed_upwards_only,
     {"watermain/testing/a.py": "from watermain.cli import new", "watermain/cli/new.py": ""},
     "floor 6 (testing) may not import"),
    (arrows.engine_districts_keep_their_order,
     {"watermain/engine/table/a.py": "def f():\n    import watermain.engine.publish.publish"},
     "district table may not know publish"),
    (arrows.kinds_of_source_are_strangers,
     {"watermain/source/kafka/a.py": "def f():\n    from watermain.source.files.b import c"},
     "kind kafka may not know files"),
    (arrows.rooms_are_strangers, {ROOM: "from platform_assets.weather import raw", OTHER: ""},
     "room billing reads weather by dataset name only"),
    (arrows.rooms_are_strangers, {ROOM: "def f():\n    import platform_assets.weather.raw"},
     "curated.py:2"),
    (arrows.rooms_know_only_the_words, {ROOM: "from resources.connections import operations"},
     "imports resources.connections"),
    (arrows.rooms_know_only_the_words, {"resources/connections.py": "import watermain.settings"},
     "imports watermain.settings"),
    (arrows.rooms_know_only_the_words, {ROOM: "import duckdb"}, "imports duckdb"),
    (arrows.rooms_know_only_the_words, {ROOM: "from watermain.lake import lake"},
     "imports watermain.lake"),
    (arrows.dagster_stays_at_home, {ROOM: "import dagster as dg"}, "imports dagster"),
    (arrows.dagster_stays_at_home, {WORDS: "from dagster import AssetKey"}, "imports dagster"),
    (arrows.dagster_stays_at_home, {"watermain/a.py": "from dagster import Definitions"},
     "imports dagster"),
    (arrows.dagster_stays_at_home, {"watermain/cli/a.py": "def f():\n    import dagster_dbt"},
     "imports dagster_dbt"),
    (arrows.dagster_stays_at_home,
     {"watermain/testing/a.py": "def f():\n    import dagster"}, "imports dagster"),
    (arrows.platform_ignores_the_outside, {"watermain/a.py": "from demo import replay"},
     "never imports demo"),
    (arrows.tests_ignore_the_benchmarks, {"tests/a.py": "from benchmarks.b import c"},
     "lies in tests/"),
    (arrows.imports_make_no_cycle,
     {"demo/a.py": "import demo.b", "demo/b.py": "def f():\n    import demo.c",
      "demo/c.py": "from demo import a"},
     "demo.a -> demo.b -> demo.c -> demo.a"),
    (sizes.functions_are_short, {"demo/a.py": "def f():\n" + lines(40, " ")}, "41 lines, 40"),
    (sizes.most_functions_are_very_short, {"demo/a.py": "def f():\n" + lines(25, " ")}, "is 26"),
    (sizes.modules_are_short, {"demo/a.py": lines(401)}, "401 lines, 400 at most"),
    (sizes.folders_are_small, {f"watermain/a/{n}.py": "" for n in range(17)}, "17 modules, 16"),
    (sizes.modules_are_short, {"tests/conftest.py": lines(151)}, "151 lines, 150 at most"),
    (sizes.modules_are_short, {"platform_assets/weather/definitions.py": lines(11)}, "10 at most"),
    (sizes.parameters_are_few, {"demo/a.py": "def f(self, a, b, /, c, *, d, e, g, h): ..."},
     "f: 7 parameters, 6 at most"),
    (sizes.parameters_are_few, {WORDS: "def f(*, a, b, c, d, e, g, h, i, j, k): ..."}, "9 at most"),
    (sizes.tests_weigh_as_much_as_source, {"watermain/a.py": lines(4), "tests/test_a.py": lines(3)},
     "tests : source lines = 3 : 4 = 0.75"),
    (manners.first_lines_are_one_sentence, {"demo/a.py": '"""Load and save."""'}, "without `and`"),
    (manners.first_lines_are_one_sentence, {"demo/a.py": "x = 1"}, "demo/a.py:1"),
    (manners.first_lines_are_one_sentence, {"demo/a.py": '"""One. Two."""'}, "not one sentence"),
    (manners.environment_is_read_in_settings, {"demo/a.py": "import os\nos.environ['A']"}, ":2"),
    (manners.environment_is_read_in_settings, {"demo/a.py": "from os import getenv"}, ":1 reads"),
    (manners.errors_are_caught_by_name,
     {"demo/a.py": "try:\n  f()\nexcept (ValueError, Exception):\n  g()"}, "a.py:3 catches"),
    (manners.errors_are_caught_by_name, {"demo/a.py": "try:\n  f()\nexcept:\n  g()"}, "a.py:3"),
    (manners.errors_are_caught_by_name, {"demo/a.py": "with suppress(Exception):\n  f()"}, ":1"),
    (manners.files_are_replaced_in_one_way, {"demo/a.py": "\nfrom x import fcntl"}, ":2 locks"),
    (manners.files_are_replaced_in_one_way, {"demo/a.py": "os.fsync(handle)"}, ":1 syncs"),
    (manners.files_are_replaced_in_one_way, {"demo/a.py": "os.rename(a, b)"}, ":1 renames"),
    (manners.files_are_replaced_in_one_way, {"demo/a.py": "fresh.replace(path)"}, ":1 renames"),
    (manners.nothing_is_pickled, {"demo/a.py": "def f():\n    import pickle"}, "a.py:2 imports"),
    (manners.nothing_is_pickled, {"demo/a.py": "frame.to_pickle('x')"}, "to_pickle"),
    (manners.datasets_are_asked_what_they_are,
     {"watermain/engine/a.py": "x = 1\nif dataset.source is not None: ..."}, "a.py:2"),
    (manners.datasets_are_asked_what_they_are,
     {"watermain/a.py": "source.kind == \"platform\""}, "a.py:1"),
    (manners.class_names_are_unique,
     {"watermain/a.py": "class Store: ...", "watermain/b.py": "\nclass Store: ..."},
     "b.py:2 Store is the name of another class, at watermain/a.py:1"),
    (manners.no_test_is_left_out, {"tests/a.py": "@pytest.mark.skipif(True)\ndef f(): ..."}, ":1"),
    (manners.no_test_is_left_out, {"tests/a.py": "from pytest import xfail"}, "a.py:1 xfail"),
    (manners.names_say_something, {"watermain/lake_utils.py": ""}, "`utils` says nothing"),
    (manners.names_say_something, {"models/fct_flights_v2.sql": ""}, "`v2` says nothing"),
    (manners.names_say_something, {"demo/common/a.py": ""}, "`common` says nothing"),
    (manners.pages_join_what_they_say, {"docs/a.md": "It opens, reads, closes. " * 80},
     "docs/a.md: 0 of 320 words"),
    (manners.pages_join_what_they_say,
     {"docs/a.md": "It reads. " * 160 + "\n\n```sh\na and b\n```\n| " + "a and b " * 9},
     "docs/a.md: 0 of 320 words"),
    (manners.nothing_is_put_off, {"demo/a.py": "x = 1  # TO" + "DO later"}, "demo/a.py:1"),
    (manners.machines_stay_unnamed, {"Makefile": "x:\n\tls /wo" + "rk/main/data"}, "Makefile:2"),
    (manners.machines_stay_unnamed, {"pip.conf": "index-url = https://py" + "pi.org/simple"}, ":1"),
    (pins.dependencies_are_chosen, {"requirements.in": "duckdb>=1.5  # the engine"}, ":1 is not"),
    (pins.dependencies_are_chosen, {"requirements.in": "duckdb==1.5.5"}, "name==version  # reason"),
    (pins.dependencies_are_chosen, {"requirements.in": "duckdb==1.5.5  # the engine",
     "requirements.lock": "duckdb==1.5.4 \\\n    --hash=sha256:0\n"}, "run make lock"),
    (pins.dependencies_are_chosen, {"requirements.lock": "--index-url x"}, "requirements.lock:1"),
    (pins.wheel_needs_what_it_imports,
     {"pyproject.toml": WHEEL.format("pyarrow>=26"), "watermain/a.py": "def f(): import flask"},
     "watermain/a.py:1 imports flask: no dependency of pyproject.toml brings it"),
    (pins.wheel_allows_what_is_locked, {"pyproject.toml": WHEEL.format("pyarrow>=26")},
     "pyarrow is not locked"),
    (pins.wheel_allows_what_is_locked, {"pyproject.toml": WHEEL.format("pyarrow>=26,<27"),
     "requirements.lock": "pyarrow==27.1 \\\n    --hash=sha256:0\n"}, "is not 27.1"),
    (pins.wheel_allows_what_is_locked, {"pyproject.toml": WHEEL.format("pyarrow<27"),
     "requirements.lock": "pyarrow==26.1 \\\n    --hash=sha256:0\n"}, "has no lower bound"),
    (silence.importing_does_nothing, {"watermain/a.py": "open('left.txt', 'w')"}, "a.py:1 does"),
    (silence.importing_does_nothing, {"watermain/a.py": "open('/etc/hostname')"}, "a.py:1 does"),
    (silence.importing_does_nothing, {"watermain/a.py": "import os\nos.mkdir('x')"}, "os.mkdir"),
    (silence.importing_does_nothing, {"watermain/a.py": "import subprocess as s\ns.run(['true'])"},
     "watermain/a.py:2 does subprocess.Popen"),
    (silence.importing_does_nothing,
     {"watermain/a.py": "import socket\nsocket.socket().connect_ex(('127.0.0.1', 9))"},
     "watermain/a.py:2 does socket.connect"),
    (silence.importing_does_nothing, {"watermain/a.py": "import nothing_of_that_name"},
     "No module named"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "files", "says"), BITES, ids=[f"{b[0].__name__}-{n}" for n, b in enumerate(BITES)]
)
def test_rule_bites(rule: Rule, files: dict[str, str], says: str) -> None:
    """Each rule finds the one thing that is wrong in a small bad sample."""
    found = rule(files)
    assert len(found) == 1
    assert says in found[0]


def test_every_rule_is_shown_to_bite() -> None:
    """No rule is without a sample that it rejects."""
    assert {rule for rule, _, _ in BITES} == set(RULES)


FINE = {
    WORDS: '"""The name."""\nfrom watermain.declare.errors import WrongError',
    ROOM: '"""What billing knows."""\nimport ibis\nfrom watermain.declare import dataset',
    "platform_assets/billing/definitions.py": (
        '"""The code location."""\nfrom platform_assets.billing import curated\n'
        "from watermain.orchestrate.location import code_location"
    ),
    "watermain/testing/a.py": '"""Tests."""\nfrom watermain.engine.table import body',
    "watermain/declare/__init__.py": '"""The words."""\nfrom .name import DatasetName',
    "watermain/lake/lake.py": '"""The lake."""\nfrom dagster_duckdb import DuckDBResource',
    "watermain/write.py": '"""Writes."""\ntry:\n  f()\nexcept BaseException:\n  undo()\n  raise',
    "watermain/process/members.py": '"""Ours."""\nmarked = process.environ().get("MARK")',
    "watermain/database.py": '"""The database."""\nfrom watermain.lake import lake',
    "tests/test_all.py": '"""Tests."""\nimport os\nprint(os.environ)\n' + lines(30),
}


@pytest.mark.parametrize("rule", RULES[:-1], ids=lambda rule: rule.__name__)
def test_rule_leaves_what_is_right(rule: Rule) -> None:
    """No rule rejects a small house that is in order."""
    assert rule(FINE) == []


def test_every_folder_of_tests_is_collected(request: pytest.FixtureRequest) -> None:
    """The runner's own default leaves folders such as `build` out without a word."""
    left_out = request.config.getini("norecursedirs")
    folders = {
        part for path in ROOT.glob("tests/**/test_*.py") for part in path.relative_to(ROOT).parts
    }
    assert [f for f in folders if any(fnmatch(f, pattern) for pattern in left_out)] == []
