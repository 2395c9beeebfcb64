"""Plain Dagster definitions that a room brings along."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from watermain.orchestrate.brought.plain import plain_definitions

MODULE = """
import dagster as dg

@dg.asset
def page(): return 1

@dg.asset_check(asset=page)
def page_is_there(): return dg.AssetCheckResult(passed=True)

outside = dg.AssetSpec("outside")
job = dg.define_asset_job("pages", [page])

@dg.sensor(job=job)
def watch(): return dg.SkipReason("nothing")

daily = dg.ScheduleDefinition(job=job, cron_schedule="0 5 * * *")
many = [dg.AssetSpec(f"more_{n}") for n in range(2)]
helper = 3
"""


def test_every_kind_of_definition_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out, and what is no definition is left alone."""
    (tmp_path / "plain_example.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    found = plain_definitions("plain_example")
    assert {k.to_user_string() for k in found.resolve_all_asset_keys()} == {
        *("page", "outside", "more_0", "more_1"),
    }
    repository = found.get_repository_def()
    assert {c.name for c in repository.asset_graph.asset_check_keys} == {"page_is_there"}
    assert {j.name for j in repository.get_all_jobs()} >= {"pages"}
    assert {s.name for s in repository.sensor_defs} == {"watch"}
    assert {s.name for s in repository.schedule_defs} == {"pages_schedule"}
    sys.modules.pop("plain_example")


def test_definitions_of_a_module_are_all_that_it_defines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for Dagster itself: what stands beside them is what they are made of."""
    text = MODULE + "\ndefs = dg.Definitions(assets=[page], resources={'lamp': 3})\n"
    (tmp_path / "plain_whole.py").write_text(text)
    (tmp_path / "plain_lazy.py").write_text(
        "import dagster as dg\n@dg.definitions\ndef defs():\n"
        "    return dg.Definitions(assets=[dg.AssetSpec('late')])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = plain_definitions("plain_whole")
    assert [k.to_user_string() for k in found.resolve_all_asset_keys()] == ["page"]
    assert set(found.resources or {}) == {"lamp"}
    late = plain_definitions("plain_lazy")
    assert [k.to_user_string() for k in late.resolve_all_asset_keys()] == ["late"]


COMPONENT = """
import dagster as dg

class Pages(dg.Component, dg.Model, dg.Resolvable):
    count: int

    def build_defs(self, context):
        return dg.Definitions(assets=[dg.AssetSpec(f"page_{n}") for n in range(self.count)])
"""


@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")  # by Dagster's own components
def test_package_is_read_as_a_folder_of_dagsters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own module, its files, its folders, its components."""
    folder = tmp_path / "plain_folder" / "defs"
    for part in ("pages", "far"):
        (folder / part).mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    (folder.parent / "kinds.py").write_text(COMPONENT)
    (folder / "__init__.py").write_text("import dagster as dg\nown = dg.AssetSpec('own')\n")
    (folder / "near.py").write_text(MODULE)
    (folder / "far" / "away.py").write_text("import dagster as dg\naway = dg.AssetSpec('away')\n")
    (folder / "pages" / "defs.yaml").write_text(
        "type: plain_folder.kinds.Pages\nattributes:\n  count: 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = plain_definitions(".defs", "plain_folder")
    assert {k.to_user_string() for k in found.resolve_all_asset_keys()} == {
        *("own", "page", "outside", "more_0", "more_1", "away", "page_0", "page_1"),
    }
    assert found.component_tree is None  # so that there may be several


def test_package_with_a_door_is_what_that_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layout of older projects, whose other modules are what it is made of."""
    package = tmp_path / "plain_older"
    (package / "assets").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "assets" / "__init__.py").write_text(MODULE)
    (package / "definitions.py").write_text(
        "import dagster as dg\nfrom . import assets\n"
        "defs = dg.Definitions(assets=dg.load_assets_from_package_module(assets,"
        " key_prefix='old'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = plain_definitions("plain_older")
    assert [k.to_user_string() for k in found.resolve_all_asset_keys()] == ["old/page"]


def test_module_that_is_not_there_is_told() -> None:
    """Dagster's own page shows it as the room's error."""
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        plain_definitions("no_such_module")
