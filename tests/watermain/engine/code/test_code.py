"""The fingerprint of a dataset's code counts what decides its rows, nothing else."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from tests.watermain.engine.edited_room import CHANGING, KEEPING, REFUSED, ROOM, Edit, bodies
from watermain.declare import (
    Column,
    Contract,
    Daily,
    Sensitivity,
    between,
    dataset,
    needs,
    not_null,
)
from watermain.declare.body.mart import Mart
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.code.code import code_version, decides

COLUMNS = (
    Column("event_id", pa.int64(), "the event"),
    Column("amount", pa.int64(), "what it is worth", unit="USD"),
)
CONTRACT = Contract(grain="one row per event", key=("event_id",), columns=COLUMNS)
INPUTS = {"events": "shop.raw.events"}
Load = Callable[..., Any]
_NUMBER = count()


def version(body: Any, **words: Any) -> str:
    """The version of a dataset with this body."""
    given = {"contract": CONTRACT, "inputs": INPUTS, "owner": "team:shop", **words}
    return code_version(dataset("shop.curated.copies", **given)(body))


def edited(files: dict[str, str], edit: Edit | None) -> dict[str, str]:
    """The files after an edit."""
    if edit is None:
        return files
    assert edit.before in files[edit.file], edit
    return {**files, edit.file: files[edit.file].replace(edit.before, edit.after, 1)}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes files as a package of their own; gives the module named `body`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def loaded(files: dict[str, str], edit: Edit | None = None) -> Any:
        package = f"edited_{next(_NUMBER)}"
        for name, text in edited(files, edit).items():
            path = tmp_path / package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("PACKAGE", package), encoding="utf-8")
        return importlib.import_module(f"{package}.body")

    yield loaded
    for name in [n for n in sys.modules if n.startswith("edited_")]:
        del sys.modules[name]


def room_version(load: Load, edit: Edit | None = None) -> str:
    """The version of the room's body after an edit."""
    return version(load(ROOM, edit).body, inputs={**INPUTS, "most": "shop.raw.most"})


@pytest.fixture
def standing(load: Load) -> str:
    """The version of the room as it stands."""
    return room_version(load)


@pytest.mark.parametrize("edit", CHANGING, ids=lambda e: f"{e.file}: {e.before} -> {e.after}")
def test_code_version_changes_with_what_can_change_rows(
    load: Load, standing: str, edit: Edit
) -> None:
    assert room_version(load, edit) != standing


@pytest.mark.parametrize("edit", KEEPING, ids=lambda e: f"{e.file}: {e.before} -> {e.after}")
def test_code_version_stays_with_what_cannot(load: Load, standing: str, edit: Edit) -> None:
    assert room_version(load, edit) == standing


def test_the_edits_are_many() -> None:
    """Of each kind, none twice."""
    assert len(set(CHANGING)) == len(CHANGING) >= 60
    assert len(set(KEEPING)) == len(KEEPING) >= 25


def plain(events: ibis.Table) -> ibis.Table:
    """Take all."""
    return events.filter(events.amount > 1)


WORDS: list[tuple[str, dict[str, Any], bool]] = [
    ("description", {"columns": (COLUMNS[0], replace(COLUMNS[1], description="its price"))}, False),
    ("unit", {"columns": (COLUMNS[0], replace(COLUMNS[1], unit="EUR"))}, False),
    (
        "sensitivity",
        {"columns": (COLUMNS[0], replace(COLUMNS[1], sensitivity=Sensitivity.SECRET))},
        False,
    ),
    ("grain", {"grain": "one row for each event"}, False),
    ("version", {"version": "1.0.1"}, False),
    ("order", {"columns": COLUMNS[::-1]}, False),
    ("type", {"columns": (COLUMNS[0], replace(COLUMNS[1], type=pa.int32()))}, True),
    ("nullable", {"columns": (COLUMNS[0], replace(COLUMNS[1], nullable=False))}, True),
    ("key", {"key": ("event_id", "amount")}, True),
]


@pytest.mark.parametrize(("said", "counts"), [w[1:] for w in WORDS], ids=[w[0] for w in WORDS])
def test_code_version_counts_of_a_contract_what_decides_rows(
    said: dict[str, Any], counts: bool
) -> None:
    other = version(plain, contract=replace(CONTRACT, **said))
    assert (other != version(plain)) is counts


def test_code_version_changes_with_a_check() -> None:
    first = version(plain, checks=(not_null("amount"),))
    assert first != version(plain)
    bound = version(plain, checks=(between("amount", low=1),))
    assert bound != version(plain, checks=(between("amount", low=2),))
    assert bound != version(plain, checks=(between("amount", low=1, severity="warn"),))


def test_code_version_changes_with_the_days_that_a_partition_means() -> None:
    """Another zone cuts other rows under the same keys; neither lateness nor the first day does."""
    columns = (*COLUMNS, Column("at", pa.timestamp("us", "UTC"), "when"))
    contract = replace(CONTRACT, columns=columns, event_time="at")

    def daily(**words: Any) -> str:
        return version(plain, contract=contract, cadence=Daily(**words))

    assert daily() != daily(zone="Europe/Berlin")
    assert daily() == daily(late_for=timedelta(days=2), every=timedelta(seconds=5))
    assert daily() == daily(start=date(2026, 1, 1)) == daily(begun=date(2026, 1, 1))


def test_code_version_changes_with_how_far_a_body_looks_back() -> None:
    def back(hours: int) -> str:
        wanted = needs("shop.raw.events", columns=("amount",), before=timedelta(hours=hours))
        return version(plain, inputs={"events": wanted})

    assert back(1) != back(2)


def test_code_version_does_not_depend_on_the_order_of_inputs() -> None:
    def both(events: ibis.Table, others: ibis.Table) -> ibis.Table:
        return events.union(others)

    named = {"events": "shop.raw.events", "others": "shop.raw.others"}
    turned = dict(reversed(named.items()))
    assert version(both, inputs=named) == version(both, inputs=turned)


def test_code_version_tells_the_frames_that_a_body_asks_for() -> None:
    def frame(events: pd.DataFrame) -> pd.DataFrame:
        return events

    def arrow(events: pa.Table) -> pa.Table:
        return events

    def lazily(events: Any) -> Any:
        return events

    assert len({version(f) for f in (frame, arrow, lazily)}) == 3
    lazily.__annotations__["events"] = pa.Table
    assert version(lazily) == version(arrow)


def test_two_helpers_of_one_name_are_two(load: Load) -> None:
    """They were confused by their name."""
    files = {
        "__init__.py": "",
        "one.py": "def helper(x): return x + 1\n",
        "two.py": "def helper(x): return x + 2\n",
        "body.py": "from . import one, two\n"
        "def body(events): return one.helper(events), two.helper(events)\n",
    }
    first = version(load(files).body)
    assert first != version(load(files, Edit("two.py", "+ 2", "+ 3")).body)
    assert first != version(load(files, Edit("body.py", "two.helper", "one.helper")).body)


def test_a_helper_may_be_renamed_or_moved(load: Load) -> None:
    """Names of functions decide nothing."""
    apart = {
        "__init__.py": "",
        "near.py": "LIMIT = 3\ndef helper(x): return x + LIMIT\n",
        "body.py": "from .near import helper\ndef body(events): return helper(events)\n",
    }
    together = {
        "__init__.py": "",
        "body.py": "MOST = 3\ndef aid(x): return x + MOST\ndef body(events): return aid(events)\n",
    }
    assert version(load(apart).body) == version(load(together).body)


def test_what_is_changed_after_the_import_counts(load: Load) -> None:
    """The live object is asked, not the text."""
    module = load({"__init__.py": "", "body.py": ALIVE})
    seen = [version(module.body)]
    module.helper.__defaults__ = (3,)
    seen.append(version(module.body))
    module.Box.factor = 5
    seen.append(version(module.body))
    module.LIMITS.append(7)
    seen.append(version(module.body))
    module.helper = module.other
    seen.append(version(module.body))
    module.Box.grown = lambda self: 0
    seen.append(version(module.body))
    assert len(set(seen)) == 6


ALIVE = """
LIMITS = [1]
def helper(x, by=2): return x * by
def other(x): return x
class Box:
    factor = 2
    def grown(self): return self.factor
BOX = Box()
def body(events): return helper(events), BOX.grown(), LIMITS
"""


def test_code_version_is_the_same_in_another_process(load: Load) -> None:
    """Whatever its hash seed."""
    module = load(ROOM)
    package, folder = module.__name__.partition(".")[0], Path(module.__file__).parents[1]
    program = (
        f"import sys; sys.path[:0] = [{str(Path.cwd())!r}, {str(folder)!r}]\n"
        "import importlib\nfrom tests.watermain.engine.code.test_code import INPUTS, version\n"
        f"body = importlib.import_module('{package}.body').body\n"
        "print(version(body, inputs={**INPUTS, 'most': 'shop.raw.most'}))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }
    expected = version(module.body, inputs={**INPUTS, "most": "shop.raw.most"})
    assert told == {expected}


@pytest.mark.parametrize(("above", "used", "name", "why"), REFUSED, ids=[r[1] for r in REFUSED])
def test_what_cannot_be_followed_is_refused_by_name(
    load: Load, above: str, used: str, name: str, why: str
) -> None:
    """In four lines, where it is declared, through a helper as well."""
    text = f"{above}\ndef helper(events): return {used}\ndef body(events): return helper(events)\n"
    module = load({"__init__.py": "", "near.py": "", "body.py": text})
    with pytest.raises(InvalidDeclarationError) as caught:
        version(module.body)
    error = caught.value
    assert error.what.startswith(f"shop.curated.copies: {name}")
    assert why in error.what
    assert "so its version cannot cover it" in error.what
    assert error.declared.endswith(f"body.py:{module.body.__code__.co_firstlineno}")
    assert len(str(error).splitlines()) == 4
    assert error.next


@pytest.mark.parametrize(
    "store", ["CACHE[1] = 2", "del CACHE[1]", "near.LIMIT = 3", "global COUNT; COUNT = 1"]
)
def test_what_changes_its_module_is_refused(load: Load, store: str) -> None:
    """What it would read next time is decided by how often it ran."""
    text = f"from . import near\nCACHE = {{}}\nCOUNT = 0\ndef body(events):\n    {store}\n"
    module = load({"__init__.py": "", "near.py": "LIMIT = 1\n", "body.py": text})
    with pytest.raises(InvalidDeclarationError, match="is changed while it runs"):
        version(module.body)


def test_what_has_another_text_than_was_loaded_is_refused(load: Load) -> None:
    """A process that stayed would tell the new text's version of the old code's rows."""
    module = load({"__init__.py": "", "body.py": "def body(events): return events + 1\n"})
    Path(module.__file__).write_text("def body(events): return events + 2\n", encoding="utf-8")
    with pytest.raises(InvalidDeclarationError, match="another source text now than when"):
        version(module.body)


def test_what_was_told_once_stays_when_the_file_changes(load: Load) -> None:
    """The code that runs is the one that was loaded."""
    module = load({"__init__.py": "", "body.py": "def body(events): return events + 1\n"})
    before = version(module.body)
    Path(module.__file__).write_text("def body(events): return events + 2\n", encoding="utf-8")
    assert version(module.body) == before


def test_names_in_a_text_that_a_library_looks_up_count(load: Load) -> None:
    """`query` of pandas reads a constant by its name."""
    text = "LIMIT = 1\ndef body(events): return events.query('amount > @LIMIT')\n"
    files = {"__init__.py": "", "body.py": text}
    assert version(load(files).body) != version(
        load(files, Edit("body.py", "LIMIT = 1", "LIMIT = 2")).body
    )


def test_a_dataset_that_another_calls_counts_with_its_body() -> None:
    """Not with its description."""

    def made(amount: int, grain: str) -> str:
        def inner(events: ibis.Table) -> ibis.Table:
            return events.filter(events.amount > amount)

        contract = replace(CONTRACT, grain=grain)
        given = {"contract": contract, "inputs": INPUTS, "owner": "team:shop"}
        inside = dataset("shop.curated.inner", **given)(inner)  # type: ignore[arg-type]

        def outer(events: ibis.Table) -> Any:
            return inside(events), inside.contract.schema

        return version(outer)

    assert made(1, "a row") == made(1, "one row")
    assert made(1, "a row") != made(2, "a row")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return e" + ".f(1)" * 400, "return e" + ".f(1)" * 399 + ".f(2)"),
        ("return " + "+".join(["e"] * 800), "return " + "+".join(["e"] * 799 + ["2"])),
    ],
    ids=["chain", "sum"],
)
def test_long_expressions_are_followed_to_their_end(load: Load, one: str, other: str) -> None:
    """They are nested deeper than a program may call itself."""
    files = {"__init__.py": "", "body.py": f"def body(events):\n    e = events\n    {one}\n"}
    assert version(load(files).body) != version(load(files, Edit("body.py", one, other)).body)


@pytest.mark.parametrize(("text", "one", "other"), bodies(), ids=lambda t: t[:40])
def test_code_version_sees_through(load: Load, text: str, one: str, other: str) -> None:
    """Whatever Python puts between a body and what it does."""
    assert one in text
    files = {"__init__.py": "", "body.py": text}
    assert version(load(files).body, inputs={"e": "shop.raw.events"}) != version(
        load(files, Edit("body.py", one, other)).body, inputs={"e": "shop.raw.events"}
    )


def test_a_mart_is_its_sql() -> None:
    """As its model compiled."""

    def mart(sql: str) -> str:
        declared = dataset(
            "shop.marts.copies", contract=CONTRACT, inputs=INPUTS, owner="team:shop"
        )(plain)
        told = replace(declared, mart=Mart(sql=sql))
        assert decides(told)["sql"] == sql
        return code_version(told)

    assert mart("select 1") != mart("select 2")
