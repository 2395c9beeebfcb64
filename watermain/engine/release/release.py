"""What is declared, held against the contracts that were released."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from watermain.declare.compatibility import Change, breaking, is_draft, refusals, version_of
from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    BrokenReleaseError,
    UnreadableContractError,
    WatermainError,
)
from watermain.declare.name import DatasetName
from watermain.engine.code.former_code import former_definition
from watermain.engine.exchange.odcs import document
from watermain.engine.exchange.odcs_reader import read_document
from watermain.engine.exchange.released import Released, released
from watermain.engine.exchange.strict_yaml import read_yaml
from watermain.engine.release.usage import columns_used
from watermain.settings import project

FOLDER = "contracts"
RETIRED = "retired.yaml"
Known = Mapping[DatasetName, Dataset]
Hurt = Mapping[DatasetName, frozenset[str] | None]


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A declared contract that does not follow the released one; whom that hurts, and in what."""

    dataset: Dataset
    was: Released
    changes: tuple[Change, ...]
    refusals: tuple[str, ...]
    hurt: Hurt

    def error(self) -> BrokenReleaseError:
        """The breach in four lines."""
        told = "; ".join(map(str, (*self.changes, *self.refusals)))
        hurt = ", ".join(f"{name} ({_listed(columns)})" for name, columns in self.hurt.items())
        major = version_of(self.was.contract)[0] + 1
        needed = f'`version="{major}.0.0"` with `Migration("{major}.0.0", ...)`'
        return BrokenReleaseError(
            f"{self.dataset.name} {self.was.contract.version}: {told}"
            f"; {f'hurts {hurt}' if hurt else 'hurts no reader in this repository'}",
            declared=self.dataset.declared,
            data=f"nothing was published; readers rely on {shown(self.dataset.name)}",
            next=f"take it back, or give the contract {needed if self.changes else 'that version'}"
            ", then watermain contract export",
        )


def shown(name: DatasetName) -> str:
    """Where a contract's file stands, as people call it."""
    return f"{FOLDER}/{name.team}/{name.stage}.{name.table}.odcs.yaml"


def _home() -> Path:
    return project().root / FOLDER


def path_of(name: DatasetName, folder: Path | None = None) -> Path:
    """Where a contract's file stands."""
    return (folder or _home()) / name.team / f"{name.stage}.{name.table}.odcs.yaml"


def read_all(folder: Path | None = None) -> dict[DatasetName, Released]:
    """Every contract that was released.

    Raises: UnreadableContractError, naming the file.
    """
    folder = folder or _home()
    paths = sorted(folder.glob("*/*.odcs.yaml"))
    return read_texts(
        {f"{folder.name}/{p.relative_to(folder)}": p.read_text(encoding="utf-8") for p in paths}
    )


def read_texts(texts: Mapping[str, str]) -> dict[DatasetName, Released]:
    """The contracts that files hold, given by their path; other files are left out.

    Raises: UnreadableContractError, naming the file.
    """
    found: dict[DatasetName, Released] = {}
    for path, text in sorted(texts.items()):
        for promise in read_document(text, path) if path.endswith(".odcs.yaml") else ():
            found[DatasetName.parse(promise.name)] = promise
    return found


def read_retired(folder: Path | None = None) -> dict[DatasetName, str]:
    """The datasets that ended, and what the readers of each do without it.

    Raises: UnreadableContractError, where one says nothing.
    """
    folder = folder or _home()
    path, told = folder / RETIRED, f"{folder.name}/{RETIRED}"
    if not path.exists():
        return {}
    facts = read_yaml(path.read_text(encoding="utf-8"), told)
    listed = facts if isinstance(facts, dict) else {told: None}
    for name, way in listed.items():
        if not isinstance(way, str) or not way.strip():
            raise UnreadableContractError(
                f"{told} does not say what readers of {name} do",
                declared=told,
                data="nothing was compared or written",
                next="write for each dataset `team.stage.table: what its readers do instead`",
            )
    return {DatasetName.parse(name): way for name, way in listed.items()}


def text_of(dataset: Dataset) -> str:
    """What the file of a dataset's contract must hold."""
    return document(released(dataset), dataset.declared.rpartition(":")[0])


def broken(
    known: Known,
    before: Mapping[DatasetName, Released],
    retired: Mapping[DatasetName, str] | None = None,
) -> Iterator[WatermainError]:
    """Each released contract that the declarations break, in four lines."""
    ended = retired or {}
    for name, was in before.items():
        if name in known:
            if breach := _breach(known, known[name], was):
                yield breach.error()
        elif name not in ended:
            yield BrokenReleaseError(
                f"{name} {was.contract.version}: no room declares it any more",
                declared=shown(name),
                data="what was published stays; nothing new is published",
                next=f"declare it again, or delete {shown(name)} with a line in"
                f" {FOLDER}/{RETIRED}: `{name}: what its readers do instead`",
            )


def stale(known: Known, folder: Path | None = None) -> Iterator[WatermainError]:
    """Each contract that is declared otherwise than its file says, drafts left out."""
    for name, dataset in sorted(known.items()):
        path = path_of(name, folder)
        written = path.read_text(encoding="utf-8") if path.exists() else None
        if not is_draft(dataset.contract) and not _says(written, dataset):
            how = "is not released" if written is None else "is released otherwise"
            yield BrokenReleaseError(
                f"{name} {dataset.contract.version} {how}",
                declared=dataset.declared,
                data=f"readers are told what {shown(name)} says"
                if written
                else "readers are told nothing",
                next="watermain contract export, then commit what it wrote",
            )


def says_former(dataset: Dataset, folder: Path | None = None) -> bool:
    """Whether a file holds the definition as an earlier release told it."""
    path = path_of(dataset.name, folder)
    written = path.read_text(encoding="utf-8") if path.exists() else None
    return written != text_of(dataset) and _says(written, dataset)


def _says(written: str | None, dataset: Dataset) -> bool:
    """Whether a file says what is declared, with its definition told as now or as formerly."""
    if written is None or written == text_of(dataset):
        return written is not None
    then = replace(released(dataset), definition=former_definition(dataset))
    return written == document(then, dataset.declared.rpartition(":")[0])


def readers_hurt(known: Known, was: Released, changes: Iterable[Change]) -> Hurt:
    """The readers of a dataset that use what changed, and the columns where those are known."""
    name = DatasetName.parse(was.name)
    before = replace(known[name], contract=was.contract, checks=(), needs={})
    touched = {c.column for c in changes}
    columns = frozenset(c for c in touched if c is not None)

    def find(wanted: DatasetName) -> Dataset:
        return before if wanted == name else known[wanted]

    found: dict[DatasetName, frozenset[str] | None] = {}
    for reader in sorted(known.values(), key=lambda d: d.name):
        if name not in reader.inputs.values():
            continue
        used = columns_used(reader, find)
        common = None if used is None else (used[name] | _needed(reader, name)) & columns
        if common is None or common or None in touched:
            found[reader.name] = common
    return found


def _breach(known: Known, dataset: Dataset, was: Released) -> Breach | None:
    lacks = refusals(was.contract, dataset.contract)
    if not lacks:
        return None
    changed = breaking(was.contract, dataset.contract)
    return Breach(
        dataset=dataset,
        was=was,
        changes=changed,
        refusals=lacks,
        hurt=readers_hurt(known, was, changed) if changed else {},
    )


def _needed(reader: Dataset, name: DatasetName) -> frozenset[str]:
    """The columns of a dataset that a reader says it relies on, used by its body or not."""
    return frozenset(c for n in reader.needs.values() if n.dataset == name for c in n.columns)


def _listed(columns: frozenset[str] | None) -> str:
    if columns is None:
        return "columns known only when it runs"
    return ", ".join(f"`{c}`" for c in sorted(columns)) or "the whole table"
