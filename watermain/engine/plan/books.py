"""What a planner asks the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.code.code import code_version
from watermain.engine.publish.carried_code import foreseen_code
from watermain.lake import ledger
from watermain.lake.ledger import Standing


class Books(Protocol):
    """The ledger at one snapshot."""

    def present(self) -> int:
        """The snapshot that is read."""

    def changed(self, since: int) -> set[tuple[str, str]] | None:
        """What was published after a snapshot; None where nobody can tell any more."""

    def standing(
        self, names: Iterable[DatasetName]
    ) -> Mapping[DatasetName, Mapping[str, Standing]]:
        """How the partitions of datasets were last published."""

    def then(self, name: DatasetName, snapshot: int) -> Mapping[str, str]:
        """The versions that a dataset had at a snapshot."""

    def codes(self, dataset: Dataset) -> tuple[str, ...]:
        """The version of a dataset's code, and then former ones that mean the same."""


@dataclass
class LedgerBooks:
    """The ledger as a connection sees it; what was asked once is not asked again."""

    connection: duckdb.DuckDBPyConnection
    snapshot: int
    known: dict[DatasetName, dict[str, Standing]] = field(default_factory=dict)
    told: dict[DatasetName, list[tuple[int, str, str]]] = field(default_factory=dict)

    def present(self) -> int:
        return self.snapshot

    def changed(self, since: int) -> set[tuple[str, str]] | None:
        if since >= self.snapshot:
            return set()
        try:
            return ledger.changed_between(self.connection, since, self.snapshot)
        except duckdb.InvalidInputException as error:
            if "No snapshot found" not in str(error):
                raise
            return None

    def standing(
        self, names: Iterable[DatasetName]
    ) -> Mapping[DatasetName, Mapping[str, Standing]]:
        wanted = list(names)
        missing = [name for name in dict.fromkeys(wanted) if name not in self.known]
        if missing:
            self.known |= ledger.standing(self.connection, missing, self.snapshot)
        return {name: self.known[name] for name in wanted}

    def then(self, name: DatasetName, snapshot: int) -> Mapping[str, str]:
        if name not in self.told:
            self.told[name] = ledger.tellings(self.connection, name)
        return {key: version for at, key, version in self.told[name] if at <= snapshot}

    def codes(self, dataset: Dataset) -> tuple[str, ...]:
        code = code_version(dataset)
        own = self.standing([dataset.name])[dataset.name].values()
        if all(c == code for s in own for c in s.codes):
            return (code,)
        return (code, *foreseen_code(dataset, self.connection))
