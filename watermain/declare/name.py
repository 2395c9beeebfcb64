"""The name of a dataset."""

from __future__ import annotations

import re
from dataclasses import dataclass

from watermain.declare.errors import InvalidDeclarationError

STAGES = ("raw", "curated", "marts", "features")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, order=True)
class DatasetName:
    """Name a dataset as `team.stage.table`."""

    team: str
    stage: str
    table: str

    def __post_init__(self) -> None:
        wrong = [w for w in (self.team, self.stage, self.table) if not _WORD.fullmatch(w)]
        if wrong or self.stage not in STAGES:
            raise InvalidDeclarationError.nothing_happened(
                f"dataset name `{self.team}.{self.stage}.{self.table}` is not `team.stage.table`",
                declared="DatasetName",
                next=f"use lower-case words and a stage among {', '.join(STAGES)}",
            )

    @classmethod
    def parse(cls, text: str) -> DatasetName:
        """Read `team.stage.table`."""
        parts = text.split(".")
        return cls(*parts) if len(parts) == 3 else cls(text, "", "")

    @property
    def schema(self) -> str:
        """The lake schema that holds the dataset: `team_stage`."""
        return f"{self.team}_{self.stage}"

    @property
    def key(self) -> tuple[str, str, str]:
        """The path of the Dagster asset key."""
        return (self.team, self.stage, self.table)

    def __str__(self) -> str:
        return f"{self.team}.{self.stage}.{self.table}"

    def __repr__(self) -> str:
        return f"DatasetName({str(self)!r})"
