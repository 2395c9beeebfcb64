"""Commands are read from pages, filled with a case word by word."""

from __future__ import annotations

import re
import shlex

import pytest
import typer

from watermain.__main__ import app
from watermain.declare.errors import InvalidDeclarationError
from watermain.observe.runbook.page import KNOWN, OURS, RunbookStep, filled, runbook, told
from watermain.observe.runbook.shelf import named_runbook, runbooks

PAGE = """# Something is late

See `watermain history DATASET`, but not `DATASET`.

```sh
# look: why
watermain explain DATASET PARTITION
# mend: ask again
watermain run DATASET --partition PARTITION

# decide
watermain slo correct DATASET PARTITION STATE --why WHY
curl https://example.org/DATASET
```

1. Or so:
   ```sh
   # look: its rows
   watermain sql "select * from DATASET where KEY"
   ```
"""
# What a page may mark: these change nothing, those repair what may be repaired at any time.
LOOKS = {
    *("explain", "history", "logs", "runs", "sql", "stale", "status", "verify", "diff", "doctor"),
    *("slo show", "slo budget", "alert list", "incident show", "quarantine list"),
    *("consumer list", "quarantine show", "features list", "features parity", "contract export"),
}
MENDS = {"run"}


def every_step() -> list[tuple[str, RunbookStep]]:
    """All commands of the pages that we bring."""
    return [(name, step) for name, book in runbooks().items() for step in book.steps]


def test_page_is_its_commands_in_order() -> None:
    """The comment above says why, its mark whether it may be run unasked."""
    book = runbook("late", PAGE)
    assert book.title == "Something is late"
    assert [(s.kind, s.why) for s in book.steps] == [
        ("look", "why"),
        ("mend", "ask again"),
        ("ask", "decide"),
        ("hand", ""),
        ("look", "its rows"),
    ]
    assert book.steps[2].words[-2:] == ("--why", "WHY")
    assert book.steps[2].unfilled == {"DATASET", "PARTITION", "STATE", "WHY"}
    assert [s.is_safe for s in book.steps] == [True, True, False, False, True]


@pytest.mark.parametrize("nasty", ["a'; rm -rf /", 'x" $(id) `id`', "two words", "--to", "a\\b"])
def test_word_of_a_case_stays_one_argument(nasty: str) -> None:
    """Whatever it holds; a shell that reads what is shown reads the same word."""
    book, case = runbook("late", PAGE), {"DATASET": "a.b.c", "PARTITION": nasty}
    assert filled(book.steps[0].words, case) == ("watermain", "explain", "a.b.c", nasty)
    assert filled(book.steps[1].words, case)[-2:] == ("--partition", nasty)
    (line,) = re.findall(r"^watermain explain .*$", told(book, case), re.M)
    assert shlex.split(line) == ["watermain", "explain", "a.b.c", nasty]


def test_what_a_dataset_has_not_is_left_out() -> None:
    """A table without partitions; captured data, whose partitions nobody can ask for."""
    explain, run = (step.words for step in runbook("late", PAGE).steps[:2])
    whole = {"DATASET": "a.b.c", "PARTITION": ""}
    assert filled(explain, whole) == ("watermain", "explain", "a.b.c")
    assert filled(run, whole) == ("watermain", "run", "a.b.c")
    captured = {"DATASET": "a.b.c", "PARTITION": "p", "--partition": ""}
    assert filled(explain, captured)[-1] == "p"
    assert filled(run, captured) == ("watermain", "run", "a.b.c")


def test_page_is_told_for_a_case() -> None:
    """In its blocks, the indented ones too, and in the commands of its prose; nowhere else."""
    shown = told(runbook("late", PAGE), {"DATASET": "a.b.c", "KEY": "id = 'x'"})
    assert "See `watermain history a.b.c`, but not `DATASET`." in shown
    assert "watermain explain a.b.c PARTITION\n" in shown
    assert "   watermain sql 'select * from a.b.c where id = '\"'\"'x'\"'\"''\n" in shown
    assert told(runbook("late", PAGE), {}).count("PARTITION") == PAGE.count("PARTITION")


def test_every_command_of_every_runbook_exists() -> None:
    """Its verb with its options; the words in capitals are those that are known."""
    program = typer.main.get_command(app)
    for name, step in every_step():
        if step.words[0] != OURS:
            continue
        capitals = {c for w in step.words for c in re.findall(r"(?<![\w-])[A-Z]{2,}(?![\w-])", w)}
        assert capitals <= KNOWN.keys(), (name, step.words)
        path, command = [], program
        rest = list(step.words[1:])
        while getattr(command, "commands", None) is not None:
            path.append(rest.pop(0))
            command = command.commands[path[-1]]  # type: ignore[attr-defined]
        options = {o for p in command.params for o in p.opts}
        assert {w for w in rest if w.startswith("--")} <= options, (name, step.words)
        verb = " ".join(path)
        assert step.why, (name, step.words)
        assert step.kind == "ask" or verb in {"look": LOOKS, "mend": MENDS}[step.kind], (name, verb)
        if step.kind == "look":
            assert "--repair" not in rest
            assert verb != "contract export" or "--check" in rest


def test_every_runbook_has_commands() -> None:
    """A page that only talks is no runbook."""
    assert [name for name, book in runbooks().items() if not book.steps] == []
    assert len(runbooks()) >= 19


def test_runbook_is_found_by_name_or_page() -> None:
    """A wrong name lists those that are like it."""
    assert named_runbook("docs/runbooks/partitions-are-late.md").name == "partitions-are-late"
    with pytest.raises(InvalidDeclarationError, match="there is no runbook `partitions-late`") as e:
        named_runbook("partitions-late")
    assert "`partitions-are-late`" in e.value.next
