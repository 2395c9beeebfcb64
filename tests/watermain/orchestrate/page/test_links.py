"""Links of the UI lead somewhere, or are no links."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.house.tree import ROOT
from watermain.orchestrate.page import links

PAGE = "docs/runbooks/rows-break-a-rule.md"
BASE = "https://code.example/acme/blob/main"


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project tells where its files are read."""
    here = replace(links.project(), repository=f"{BASE}/")
    monkeypatch.setattr(links, "project", lambda: here)


def reference(declared: str) -> Any:
    """The one code reference of a declaration."""
    (found,) = links.code(declared)["dagster/code_references"].code_references
    return found


def test_declaration_is_opened_on_its_line_in_an_editor() -> None:
    """A file of the project, or one that the product brings."""
    found = reference("platform_assets/operations/curated.py:39")
    assert found.source == f"{ROOT}/platform_assets/operations/curated.py:39"
    assert found.label == "platform_assets/operations/curated.py:39"
    own = reference("watermain/upkeep/curated.py:9")
    assert Path(own.file_path).is_file()


@pytest.mark.usefixtures("repository")
def test_declaration_is_opened_on_its_line_in_the_repository() -> None:
    """Where the project tells its address."""
    found = reference("platform_assets/operations/curated.py:39")
    assert found.url == f"{BASE}/platform_assets/operations/curated.py#L39"


def test_place_that_is_no_file_has_no_link() -> None:
    """Such as that of a check made by hand."""
    assert links.code("") == links.code("nowhere.py:3") == {}


def test_page_is_text_without_a_repository() -> None:
    """A path that a person reads rather than a link that leads nowhere."""
    assert links.page(PAGE) == dg.MetadataValue.text(PAGE)
    assert links.linked(f"{PAGE}:3") == f"`{PAGE}:3`"


@pytest.mark.usefixtures("repository")
def test_page_is_a_link_where_the_repository_has_it() -> None:
    """A page that the project does not have stays text."""
    assert links.page(PAGE) == dg.MetadataValue.url(f"{BASE}/{PAGE}")
    assert links.linked(f"{PAGE}:3") == f"[{PAGE}:3]({BASE}/{PAGE}#L3)"
    assert links.page("docs/nowhere.md") == dg.MetadataValue.text("docs/nowhere.md")
