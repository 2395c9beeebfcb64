"""The documentation is true."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytest
import typer

from tests.house import pages
from tests.house.tree import SOURCE as SOURCE_FOLDERS
from tests.house.tree import module_name, modules, repository
from watermain import declare
from watermain.settings import PREFIX, SOURCE, Settings

VARIABLE = re.compile(rf"\b{PREFIX}[A-Z0-9_]+\b")
PAGE_RULES = (
    pages.broken_links,
    pages.broken_python,
    pages.odd_decisions,
    pages.odd_fragments,
)


@pytest.fixture(scope="module")
def house() -> dict[str, str]:
    """The files of this repository."""
    return repository()


@pytest.fixture(scope="module")
def app() -> Any:
    """The command line as users meet it."""
    program = importlib.import_module("watermain.__main__").app
    return typer.main.get_command(program)


@pytest.mark.parametrize("rule", PAGE_RULES, ids=lambda rule: rule.__name__)
def test_pages_are_in_order(
    rule: Callable[[Mapping[str, str]], list[str]], house: dict[str, str]
) -> None:
    """Links lead somewhere, blocks of Python parse, records have their parts."""
    assert rule(house) == []


def test_every_command_is_documented(house: dict[str, str], app: Any) -> None:
    """The page of commands tells of each command with all its parameters, of no other."""
    assert pages.undocumented_commands(house["docs/guides/commands.md"], app) == []


def test_shell_lines_call_what_exists(house: dict[str, str], app: Any) -> None:
    """Each line of a shell block names a make target or a command with its options."""
    assert pages.untrue_shell_lines(house, app) == []


def test_readme_shows_both_commands(house: dict[str, str]) -> None:
    """A newcomer finds how to start the platform, how to test it."""
    shown = "".join(block.text for block in pages.blocks({"README.md": house["README.md"]}, "sh"))
    assert "make up\n" in shown
    assert "make test\n" in shown


def test_every_setting_is_documented(house: dict[str, str]) -> None:
    """The page of settings has a row for each setting with its default."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", house["docs/guides/settings.md"], re.M)
    told = {name: (default, meaning) for name, default, meaning in rows}
    declared = {
        PREFIX + name.upper(): (
            "none" if field.default is None else f"`{field.default}`",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    }
    assert told == declared


def test_pages_name_no_setting_that_is_none(house: dict[str, str]) -> None:
    """Every variable that a page mentions is a setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = {
        (path, variable)
        for path, text in pages.pages(house).items()
        for variable in VARIABLE.findall(text)
        if variable not in known and not variable.startswith(SOURCE)
    }
    assert named == set()


def test_every_word_is_documented(house: dict[str, str]) -> None:
    """The page of words has a row for each public word, for nothing else."""
    told = re.findall(r"^\| `(\w+)` \|", house["docs/guides/words.md"], re.M)
    assert sorted(told) == sorted(declare.__all__)


def test_glossary_names_classes_that_are(house: dict[str, str]) -> None:
    """Each noun once, in a page at most; what it is called in the code is there to be found."""
    page = house["docs/guides/glossary.md"]
    rows = re.findall(r"^\| ([a-z ]+) \| .+ \| (?:`(\w+)` )?\|$", page, re.M)
    nouns, named = [noun for noun, _ in rows if noun != "noun"], {name for _, name in rows if name}
    classes = {
        node.name
        for tree in modules(house, SOURCE_FOLDERS).values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    assert named - classes == set()
    assert len(nouns) == len(set(nouns)) >= 20
    assert len(page.splitlines()) <= 50


def test_examples_on_pages_run(house: dict[str, str]) -> None:
    """Python sessions print what the pages say; those of one page are one session."""
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    parser = doctest.DocTestParser()
    names: dict[str, dict[str, Any]] = {}
    for block in pages.blocks(house, "python"):
        if ">>>" in block.text:
            shared = names.setdefault(block.path, {"__name__": "__main__"})
            example = parser.get_doctest(block.text, shared, str(block), block.path, block.line)
            runner.run(example, clear_globs=False)
            shared.update(example.globs)
    assert runner.summarize(verbose=False).failed == 0


def test_examples_in_docstrings_run(house: dict[str, str]) -> None:
    """Python sessions in docstrings print what the docstrings say."""
    with_examples = [
        path for path in modules(house, SOURCE_FOLDERS) if re.search(r"^ *>>> ", house[path], re.M)
    ]
    failed = {
        path: doctest.testmod(importlib.import_module(module_name(path))).failed
        for path in with_examples
    }
    assert failed == dict.fromkeys(with_examples, 0)


def test_every_make_target_says_what_it_does(house: dict[str, str]) -> None:
    """`make help` lists all targets that are not files."""
    phony = re.findall(r"^\.PHONY: (.*)$", house["Makefile"], re.M)[0].split()
    assert set(phony) == pages.make_targets(house)


sample = typer.Typer()


@sample.callback()
def callback() -> None:
    """Stand over one command, so that it is called by its name."""


@sample.command()
def up(dataset: str, detach: Annotated[bool, typer.Option("--detach")] = False) -> None:
    """Take one argument, one option."""


SAMPLE = typer.main.get_command(sample)


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("", ["`watermain up` has no section"]),
        ("## `watermain up`\nDATASET", ["`watermain up` does not tell of --detach"]),
        ("## `watermain up`\n--detach", ["`watermain up` does not tell of DATASET"]),
        ("## watermain up\n--detach DATASET\n## watermain dn", ["`watermain dn` is no command"]),
        ("## watermain up\n--detach DATASET", []),
    ],
)
def test_commands_page_is_checked(page: str, found: list[str]) -> None:
    """What the page of commands leaves out or makes up is found."""
    assert pages.undocumented_commands(page, SAMPLE) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("make up DETACH=1  # start", []),
        ("make fly", ["README.md:1: `make fly`: no target fly"]),
        ("watermain up --detach a.raw.b", []),
        ("watermain fly", ["README.md:1: `watermain fly`: no command fly"]),
        ("watermain up --slowly", ["README.md:1: `watermain up --slowly`: no option --slowly"]),
        ("rm -rf x", ["README.md:1: `rm -rf x`: rm is no command of ours"]),
        (".venv/bin/python -m tests.faults", []),
        (
            ".venv/bin/python -m tests.fly",
            ["README.md:1: `.venv/bin/python -m tests.fly`: no module tests.fly"],
        ),
    ],
)
def test_shell_lines_are_checked(line: str, found: list[str]) -> None:
    """A line that calls what does not exist is found."""
    files = {
        "Makefile": "up: ready  ## start\n",
        "README.md": f"```sh\n{line}\n```\n",
        "tests/faults/__main__.py": "",
    }
    assert pages.untrue_shell_lines(files, SAMPLE) == found


@pytest.mark.parametrize(
    ("rule", "files", "found"),
    [
        (pages.broken_links, {"docs/a.md": "[b](../b.md)"}, "docs/a.md: ../b.md leads nowhere"),
        (pages.broken_links, {"a.md": "[b](#c)\n# B"}, "a.md: #c has no such heading"),
        (pages.broken_links, {"a.md": "[b](b.md#two-words)", "b.md": "## Two, words"}, None),
        (pages.broken_python, {"a.md": "```python\nif\n```\n"}, "a.md:1: invalid syntax"),
        (pages.odd_decisions, {"docs/decisions/0001-x.md": "# X\n## Context\n## Decision\n"},
         "docs/decisions/0001-x.md: no section Consequences"),
        (pages.odd_fragments, {"changelog.d/x.md": "X."}, "changelog.d/x.md: a fragment is"),
        (pages.odd_fragments, {"changelog.d/x.added.md": "X"}, "changelog.d/x.added.md: a"),
        (pages.odd_fragments, {"changelog.d/x.added.md": "X."}, None),
    ],
)  # fmt: skip
def test_pages_are_checked(
    rule: Callable[[Mapping[str, str]], list[str]], files: dict[str, str], found: str | None
) -> None:
    """What is wrong with a page is found."""
    assert [line[: len(found or "")] for line in rule(files)] == ([found] if found else [])
