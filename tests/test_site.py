"""The site of the documentation is laid out whole."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.house.tree import ROOT, repository
from watermain import declare


@pytest.fixture(scope="module")
def stage() -> Iterator[ModuleType]:
    """The program that lays the pages out; it lies beside the pages, in no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs" / "site"))
        yield importlib.import_module("stage")


@pytest.fixture(scope="module")
def site(stage: ModuleType) -> dict[str, str]:
    """The pages of the site."""
    return stage.staged(repository())


def test_every_page_of_docs_has_a_place(site: dict[str, str]) -> None:
    """Guides, runbooks and decisions are pages of the site, and so is what stands beside them."""
    pages = {path.removeprefix("docs/") for path in repository() if re.match(r"docs/.*\.md$", path)}
    beside = {"index.md", "contributing.md", "changelog.md", "benchmarks/index.md"}
    made = {"guides/reference.md", "decisions/index.md", "runbooks/index.md"}
    assert site.keys() == pages - {"runbooks/README.md"} | beside | made


def test_every_guide_stands_in_the_contents(stage: ModuleType, site: dict[str, str]) -> None:
    """The order of the guides names each of them, the reference among them, and nothing else."""
    guides = {path for path in site if path.startswith("guides/")}
    assert {f"guides/{name}.md" for name in stage.GUIDES} == guides


def test_reference_tells_of_every_word(site: dict[str, str]) -> None:
    """Each word has its entry with its parameters and its docstring."""
    page = site["guides/reference.md"]
    assert sorted(re.findall(r"^`+\{py:\w+\} (\w+)", page, re.M)) == sorted(declare.__all__)
    assert "{py:function} not_null(column: str, *, severity: Severity = 'block')" in page
    assert "sensitivity: Sensitivity = Sensitivity.INTERNAL" in page
    assert "\n**Raises:** ContradictoryContractError." in page


@pytest.mark.parametrize(
    ("path", "written", "turned"),
    [
        ("README.md", "[w](docs/guides/words.md#files)", "[w](guides/words.md#files)"),
        ("README.md", "![p](docs/images/p.png)", "![p](images/p.png)"),
        ("README.md", "[d](docs/decisions)", "[d](decisions/index.md)"),
        ("README.md", "[l](LICENSE)", "l (`LICENSE`)"),
        ("README.md", "[n](nowhere.md)", "[n](nowhere.md)"),
        ("README.md", "[h](#here), [e](https://a.b)", "[h](#here), [e](https://a.b)"),
        ("README.md", "```text\n[l](LICENSE)\n\n```", "```text\n[l](LICENSE)\n```"),
        ("docs/guides/words.md", "[r](../runbooks/README.md)", "[r](../runbooks/index.md)"),
        ("docs/guides/words.md", "[b](../../benchmarks/README.md)", "[b](../benchmarks/index.md)"),
    ],
)
def test_links_are_turned(stage: ModuleType, path: str, written: str, turned: str) -> None:
    """A link leads to the page of the site; a file that is none is named, and the rest stays."""
    others = ("LICENSE", "CHANGELOG.md", "docs/runbooks/README.md", "benchmarks/README.md")
    files = dict.fromkeys(("README.md", *others, "docs/guides/words.md"), "")
    pages = stage.staged(files | {path: written})
    assert pages[stage.place(path)].startswith(turned)


def test_changes_are_told_by_kind(site: dict[str, str]) -> None:
    """The changelog of the site has what a release brought, by kind."""
    assert "### Added\n\n- " in site["changelog.md"]
    assert "### Fixed\n\n- " in site["changelog.md"]


def test_fragments_of_the_changelog_lead_nowhere() -> None:
    """They are read in two places, from which no link would lead to the same page."""
    fragments = {p: said for p, said in repository().items() if p.startswith("changelog.d/")}
    linked = [path for path, said in fragments.items() if "](" in said]
    assert linked == ["changelog.d/README.md"]
