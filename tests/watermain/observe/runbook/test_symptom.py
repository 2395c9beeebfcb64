"""Every alert leads to a page of its own kind."""

from __future__ import annotations

import importlib
import pkgutil
import re

from tests.house.tree import ROOT
from watermain.observe import watch
from watermain.observe.runbook.shelf import runbooks
from watermain.observe.runbook.symptom import PAGES, USUAL, command_of, page_of


def told_promises() -> set[str]:
    """The promises that watchers name as broken, read from their files."""
    found = {"on_time"}
    for each in pkgutil.walk_packages(watch.__path__, f"{watch.__name__}."):
        module = importlib.import_module(each.name)
        for name in ("PROMISE", "REFUSED", "UNKNOWN"):
            found |= {value} if isinstance(value := getattr(module, name, None), str) else set()
    return found


def test_every_promise_that_is_told_has_its_runbook() -> None:
    """What watches for a new one adds its page."""
    assert told_promises() - PAGES.keys() == set()
    assert set(PAGES.values()) <= runbooks().keys()
    listed = (ROOT / "docs" / "runbooks" / "README.md").read_text()
    assert {name for name in PAGES.values() if f"({name}.md)" not in listed} == set()


def test_unknown_promise_leads_to_the_usual_page() -> None:
    """Nobody is left without one."""
    assert page_of("nobody made it") == USUAL


def test_command_is_typed_as_it_stands() -> None:
    """Without a partition where there is none."""
    assert command_of("secret", "a.raw.b") == (
        "watermain runbook run a-credential-is-refused --dataset a.raw.b"
    )
    assert command_of("on_time", "a.raw.b", "p q").endswith("--partition 'p q'")


def test_pages_have_the_same_sections() -> None:
    """What it means, how to see it, what to do, when it is over."""
    wanted = ["What it means", "How to see it", "What to do", "When it is over"]
    found = {n: re.findall(r"^## (.*)$", b.text, re.M) for n, b in runbooks().items()}
    assert {name: heads for name, heads in found.items() if heads != wanted} == {}
