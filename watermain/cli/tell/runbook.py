"""`watermain runbook`: what to do about a symptom, shown or run for one partition."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.markdown import Markdown

from watermain.cli import screen
from watermain.cli.exits import FAILED
from watermain.cli.named import named
from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, InvalidPartitionError, quoted
from watermain.lake.catalog import catalog_dsn
from watermain.observe.runbook.book import RunbookBook, RunbookCase, StepTaken
from watermain.observe.runbook.page import ASKED, Runbook, RunbookStep, filled, told
from watermain.observe.runbook.remedies import REMEDY
from watermain.observe.runbook.runner import RunbookRunner, found_words, given_words, run_here
from watermain.observe.runbook.shelf import named_runbook, runbooks
from watermain.settings import load_settings

app = typer.Typer(
    no_args_is_help=True, help="Read what to do about a symptom, and do it for one partition."
)
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
Name = Annotated[str, typer.Argument(help="The runbook, such as partitions-are-late.")]
Of = Annotated[str, typer.Option("--dataset", help="The dataset that it is about.")]
Key = Annotated[str | None, typer.Option(help="The partition that it is about.")]
KINDS = {
    "look": "changes nothing",
    "mend": "may be done at any time",
    "ask": "needs a decision",
    "hand": "do this yourself",
}
SHOWN = 3
_LENGTH = timedelta(days=93)  # three of the longest partitions


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the runbooks: what each is about, and how many commands it has."""
    known = runbooks()
    if as_json:
        screen.facts([_facts(each, {}) for each in known.values()])
        return
    rows = [(b.name, b.title, len(b.steps)) for b in known.values()]
    screen.grid(("runbook", "symptom", "commands"), rows, right={"commands"})


@app.command()
def show(
    name: Name,
    dataset: Annotated[str | None, typer.Option(help="The dataset that it is about.")] = None,
    partition: Key = None,
    as_json: Json = False,
) -> None:
    """Show a runbook, with the commands as they are for a dataset and a partition."""
    book, words = named_runbook(name), dict[str, str]()
    if dataset is not None:
        words = _case(named(dataset), partition, _dsn())
    elif partition is not None:
        raise _refused("a partition is one of a dataset", "give --dataset, too")
    if as_json:
        screen.facts(_facts(book, words))
    elif screen.OUT.is_terminal:
        screen.OUT.print(Markdown(told(book, words)))
    else:
        screen.OUT.print(told(book, words), markup=False, end="")


@app.command()
def run(
    name: Name,
    *,
    dataset: Of,
    partition: Key = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; only for commands that are marked safe.")
    ] = False,
    step: Annotated[
        list[int] | None, typer.Option(help="Only this command, counted from 1; may be repeated.")
    ] = None,
    most: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Show each command of a runbook, ask, run it, and write down what was run.

    Ends with 1 when a command did.
    """
    book, found = named_runbook(name), named(dataset)
    wanted = _wanted(book, step or [])
    if yes:
        _refuse_unsafe(book, wanted)
    if most is None and _lacks_partition(wanted, given_words(found, partition)):
        raise _without_partition(found)
    dsn = _dsn()
    words = _case(found, partition, dsn)
    case = RunbookCase(runbook=book.name, dataset=found.name, partition=partition or "")
    if most is not None:  # asked by a remedy, which nobody answers
        runner = RunbookRunner(
            book=RunbookBook(dsn), case=case, by=REMEDY, is_automatic=True, most=most, run=run_here
        )
        _end(list(runner.mend(book.steps, words)))
        return
    by = getpass.getuser()
    runner = RunbookRunner(book=RunbookBook(dsn), case=case, by=by, run=run_here)
    _end([_step(runner, each, number, words, yes=yes) for number, each in wanted])


@app.command()
def log(dataset: Of, as_json: Json = False) -> None:
    """List what was run of runbooks for a dataset, oldest first."""
    found = RunbookBook(_dsn()).taken([named(dataset).name])
    if as_json:
        screen.facts([_taken(each) for each in found])
        return
    rows = [
        (screen.clock(s.at), s.by, s.case.runbook, s.exit_code, shlex.join(s.words)) for s in found
    ]
    screen.grid(("at", "by", "runbook", "exit", "command"), rows, right={"exit"}, wrap="command")


def _dsn() -> str:
    return catalog_dsn(load_settings())


def _end(done: Sequence[StepTaken | None]) -> None:
    """End with 1 where a command did. Raises: typer.Exit."""
    if any(each is not None and each.exit_code for each in done):
        raise typer.Exit(FAILED)


def _case(dataset: Dataset, partition: str | None, dsn: str) -> dict[str, str]:
    """The words that stand for this dataset and partition."""
    if partition is not None:
        _proved(dataset, partition)
    case = RunbookCase(runbook="", dataset=dataset.name, partition=partition or "")
    return found_words(dsn, case) | given_words(dataset, partition)


def _proved(dataset: Dataset, partition: str) -> None:
    """See that a partition is one of a dataset. Raises: InvalidPartitionError."""
    if dataset.cadence is None:
        raise InvalidPartitionError.nothing_happened(
            f"{dataset.name} has no partitions, and so none is {partition[:80]!r}",
            declared=dataset.declared,
            next="leave --partition out",
        )
    try:
        dataset.cadence.local(partition)
    except InvalidPartitionError as error:
        raise InvalidPartitionError.nothing_happened(
            f"{dataset.name}: {error.what}",
            declared=dataset.declared,
            next=f"use one such as {_lately(dataset)}",
        ) from None


def _lacks_partition(wanted: list[tuple[int, RunbookStep]], words: dict[str, str]) -> bool:
    """Whether a command is about one partition, and nobody named any."""
    return any("PARTITION" in filled(step.words, words) for _, step in wanted)


def _without_partition(dataset: Dataset) -> InvalidPartitionError:
    return InvalidPartitionError.nothing_happened(
        f"{dataset.name} is partitioned, and the commands are about one partition",
        declared=dataset.declared,
        next=f"give --partition, such as {_lately(dataset)}",
    )


def _lately(dataset: Dataset) -> str:
    """The newest partitions that have begun."""
    assert dataset.cadence is not None
    last = dataset.cadence.key_of(Clock().now())
    first = max(dataset.cadence.first, dataset.cadence.key_of(Clock().now() - _LENGTH))
    keys = dataset.cadence.keys(min(first, last), last)[-SHOWN:] if first <= last else [first]
    return ", ".join(f"`{key}`" for key in keys)


def _wanted(book: Runbook, numbers: list[int]) -> list[tuple[int, RunbookStep]]:
    known = dict(enumerate(book.steps, 1))
    if wrong := sorted(set(numbers) - known.keys()):
        raise _refused(
            f"the runbook `{book.name}` has no command {wrong[0]}",
            f"use one of {quoted(known) or 'none'}: watermain runbook show {book.name}",
        )
    return [(n, s) for n, s in known.items() if not numbers or n in numbers]


def _refuse_unsafe(book: Runbook, wanted: list[tuple[int, RunbookStep]]) -> None:
    unsafe = [number for number, step in wanted if not step.is_safe]
    if unsafe:
        safe = " ".join(f"--step {n}" for n, s in enumerate(book.steps, 1) if s.is_safe)
        raise _refused(
            f"command {unsafe[0]} of `{book.name}` is not marked safe: "
            + shlex.join(book.steps[unsafe[0] - 1].words),
            f"leave --yes out, or name those that are safe: {safe or 'there are none'}",
        )


def _step(
    runner: RunbookRunner, step: RunbookStep, number: int, words: dict[str, str], *, yes: bool
) -> StepTaken | None:
    """Show one command, and run it where somebody wants it; None where nobody does."""
    screen.OUT.print(f"{number}  {step.why or step.kind}", style="bold", markup=False)
    words = words | _asked(step, words, yes=yes)
    shown = shlex.join(filled(step.words, words))
    screen.OUT.print(f"   {shown}   ({KINDS[step.kind]})", markup=False)
    if step.kind == "hand":
        return None
    if lacking := sorted(step.unfilled - words.keys()):
        screen.OUT.print(f"   left out: nothing is known for {quoted(lacking)}", markup=False)
        return None
    if not yes and not typer.confirm("   run it?", default=step.kind == "look"):
        return None
    done = runner.take(step, words)
    assert done is not None  # only what is automatic has a bound
    screen.OUT.print(f"   ended with {done.exit_code}", style="dim")
    return done


def _asked(step: RunbookStep, words: dict[str, str], *, yes: bool) -> dict[str, str]:
    """What a person has to say before a command can be shown whole."""
    lacking = sorted(step.unfilled & ASKED.keys() - words.keys())
    return {} if yes else {n: typer.prompt(f"   {n}, which is {ASKED[n]}") for n in lacking}


def _facts(book: Runbook, words: dict[str, str]) -> dict[str, Any]:
    steps = [
        {
            "number": number,
            "kind": step.kind,
            "why": step.why,
            "words": filled(step.words, words),
            "lacks": sorted(step.unfilled - words.keys()),
        }
        for number, step in enumerate(book.steps, 1)
    ]
    return {"name": book.name, "title": book.title, "steps": steps}


def _taken(step: StepTaken) -> dict[str, Any]:
    return {
        "at": step.at,
        "ended_at": step.ended_at,
        "exit": step.exit_code,
        "by": step.by,
        "is_automatic": step.is_automatic,
        "runbook": step.case.runbook,
        "dataset": str(step.case.dataset),
        "partition": step.case.partition,
        "words": step.words,
    }


def _refused(what: str, next: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        what, declared="the command's arguments", next=next
    )
