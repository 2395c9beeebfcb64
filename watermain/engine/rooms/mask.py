"""Which columns of a dataset people are shown asterisks for."""

from __future__ import annotations

from collections.abc import Callable, Collection

from watermain.dbt.dbt import manifest_path
from watermain.declare.column.drift import EXTRA
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.engine.rooms.broken_room import broken, stand_in
from watermain.engine.rooms.declared import on_shelf, shelf_file, teams
from watermain.engine.rooms.from_dbt import marts
from watermain.lake.lake import text
from watermain.lake.shown.shown import Hides
from watermain.settings import project

# Of the columns that capture adds, those that carry what the source said.
CARRYING = frozenset({EXTRA, "_key", "_headers"})

# Rows of every dataset lie there: what tells of a row may hold what its own columns hold.
ASIDE = DatasetName.parse("upkeep.raw.quarantine")
TELLING = ("position", "reason")
Of = Callable[[DatasetName], Dataset | None]


class UnknownMaskError(UnknownDatasetError):
    """Refuse rows of a dataset of which nobody says which columns are personal."""

    dataset: DatasetName


def hides(contract: Contract) -> Hides:
    """Whether a column of the table is masked for people, whatever the case of its name.

    Guarantees: beside a personal or secret column nothing is shown that no contract describes:
    neither columns that the source grew nor what they are kept in.
    """
    sensitive = {c.name.lower() for c in contract.columns if contract.is_sensitive(c.name)}
    described = {c.name.lower() for c in contract.columns} - sensitive

    def hidden(column: str) -> bool:
        word = column.lower()
        if not sensitive or word in described:
            return False
        return word in sensitive or word in CARRYING or not word.startswith("_")

    return hidden


def partly_hidden(datasets: Collection[str], of: Of) -> dict[str, str]:
    """What tells of rows that were put aside, and the condition under which it is shown.

    Guarantees: of a row whose dataset has personal or secret columns, or is not known, neither
    its place nor the reason is shown.
    """
    plain = [name for name in sorted(datasets) if not _may_hide(name, of)]
    if len(plain) == len(datasets):
        return {}
    condition = f"dataset in ({', '.join(map(text, plain))})" if plain else "false"
    return dict.fromkeys(TELLING, condition)


def _may_hide(name: str, of: Of) -> bool:
    try:
        found = of(DatasetName.parse(name))
    except (InvalidDeclarationError, UnknownDatasetError):
        return True
    return found is None or found.contract.holds_sensitive


def nothing(_: str) -> bool:
    """Hide no column."""
    return False


def declaration(name: DatasetName) -> Dataset | None:
    """What the dataset's own shelf says of it, no other one loaded; None where it says nothing.

    Guarantees: where the shelf does not load, what it last declared, as the rows were published.
    Raises: UnknownMaskError, when the shelf does not load, and is not known from before.
    """
    try:
        return next((d for d in _shelf(name) if d.name == name), None)
    except Exception as error:  # a room's own code, whatever it raises
        why = broken(name.team, error, shelf_file(name.team, name.stage))
        for dataset in stand_in(why, name.team):
            if dataset.name == name:
                return dataset
        raise unknown_masks(name, f"does not load: {error}".split("\n")[0]) from error


def _shelf(name: DatasetName) -> list[Dataset]:
    if name.team not in teams():
        return []
    if name.stage != "marts":
        return on_shelf(name.team, name.stage, Dataset)
    manifest = manifest_path()
    return marts(name.team, manifest) if manifest.exists() else []


def unknown_masks(name: DatasetName, why: str) -> UnknownMaskError:
    """Refuse to show rows of which nobody says which are personal."""
    error = UnknownMaskError(
        f"which columns of `{name}` are personal is not known: its declaration {why}",
        declared=f"{project().rooms}/{name.team}/{name.stage}"
        if name.stage != "marts"
        else f"{project().dbt}/models/marts/{name.team}",
        data="nothing was read",
        next='mend the declaration, or ask with --unmask "why", which is recorded',
    )
    error.dataset = name
    return error
