"""A platform that is started while a room does not load."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.services.platform import Platform

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]

LIT, BROKEN, READER = "sales", "care", "desk"
PATIENCE_SECONDS = 240.0
BREAK = "\n\ndef broken(:\n"
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
FILLED = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { __typename
  ... on AssetNode { partitionStats { numMaterialized numPartitions } } } }"""


@pytest.fixture
def company(tmp_path: Path) -> Platform:
    """A new project of three rooms in a row, with two days of orders."""
    platform = Platform(tmp_path / "shop", tmp_path / "data", free_port())
    Platform(tmp_path, platform.data, platform.port).sound("init", "shop")
    platform.sound("new", "room", BROKEN, "--reads", f"{LIT}.curated.orders")
    platform.sound("new", "room", READER, "--reads", f"{BROKEN}.curated.orders")
    for day in ("2026-01-05", "2026-01-06"):
        rows = [f"{day}-{n},{day}T{n:02}:00:00Z,Ada,{n}.50" for n in range(20)]
        text = "\n".join(["order_id,ordered_at,customer,amount", *rows, ""])
        (platform.root / "inbox" / f"orders-{day}.csv").write_text(text)
    return platform


def broken_file(company: Platform) -> Path:
    """The file that is broken."""
    (found,) = company.root.glob(f"**/{BROKEN}/curated.py")
    return found


def awaited(what: str, asked: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is found at last."""
    until, found = time.monotonic() + PATIENCE_SECONDS, None
    while time.monotonic() < until:
        if wanted(found := asked()):
            return found
        time.sleep(1)
    raise AssertionError(f"{what} did not come; last: {found}")


def locations(company: Platform) -> dict[str, str]:
    """What each room's location says: nothing where it is lit."""
    entries = company.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
    return {e["name"]: e["locationOrLoadError"].get("message", "") for e in entries}


def filled(company: Platform, room: str) -> int | None:
    """The published partitions of a room's orders as Dagster tells; None without the asset."""
    key = {"path": [room, "curated", "orders"]}
    node = company.ask(FILLED, key=key)["assetNodeOrError"]
    stats = node.get("partitionStats")
    return stats["numMaterialized"] if stats else None


def rows(company: Platform, room: str) -> int:
    """The rows of a room's orders; of what was never published none."""
    done = company.facts("sql", f"select count(*) as n from {room}.curated.orders")
    return int(done[0]["n"])


def told(company: Platform) -> None:
    """Each command names the room with its line, and does its work for the others."""
    place = f"{BROKEN}/curated.py:"
    for words, code in (
        (("status",), 0),
        (("list",), 0),
        (("stale",), 0),
        (("explain", f"{LIT}.curated.orders"), 0),
        (("doctor",), 1),
        (("check",), 1),
        (("run", f"{LIT}.curated.orders"), 0),
    ):
        done = company.run(*words)
        said = done.stdout + done.stderr
        assert done.returncode == code, (words, said[-3000:])
        assert BROKEN in said, (words, said[-3000:])
        assert place in said.replace("\n", ""), (words, said[-3000:])
        assert "Traceback" not in said, (words, said[-3000:])


def test_room_that_never_loaded_darkens_no_other_until_it_is_mended(company: Platform) -> None:
    """Nothing is known of it at first; mended, it and its reader are computed by themselves."""
    file = broken_file(company)
    sound = file.read_text()
    file.write_text(sound + BREAK)
    with company.up("--no-demo"):
        found = locations(company)
        assert {room: bool(why) for room, why in found.items() if room in (LIT, BROKEN)} == {
            LIT: False,
            BROKEN: True,
        }
        assert "curated.py" in found[BROKEN]
        assert rows(company, LIT) == 40
        told(company)
        refused = company.run("run", f"{BROKEN}.curated.orders")
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr
        file.write_text(sound)
        awaited("the lit room", lambda: locations(company), lambda it: not any(it.values()))
        for room in (BROKEN, READER):
            awaited(f"{room}'s rows", lambda r=room: filled(company, r), lambda it: (it or 0) >= 2)
            assert rows(company, room) == 40
        assert company.run("check").returncode == 0


def test_room_that_was_known_is_read_while_it_does_not_load(company: Platform) -> None:
    """Its tables can be read, its reader keeps its partitions; mended, it goes on."""
    file = broken_file(company)
    sound = file.read_text()
    with company.up("--no-demo"):
        awaited("the reader's rows", lambda: filled(company, READER), lambda it: (it or 0) >= 2)
    file.write_text(sound + BREAK)
    with company.up("--no-demo"):
        found = locations(company)
        assert {room for room, why in found.items() if why} == {BROKEN}
        assert (rows(company, BROKEN), rows(company, READER)) == (40, 40)
        assert filled(company, READER) == 2
        told(company)
        file.write_text(sound)
        awaited("the lit room", lambda: locations(company), lambda it: not any(it.values()))
        assert filled(company, BROKEN) == 2
