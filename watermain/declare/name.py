"""The name of a dataset."""

from __future__ import annotations

import re
from dataclasses import dataclass

from watermain.declare.errors import InvalidDeclarationError

STAGES = ("raw", "curated", "marts", "features")
MOST_LETTERS = 63
WORD = re.compile(rf"[a-z][a-z0-9_]{{0,{MOST_LETTERS - 1}}}")


@dataclass(frozen=True, order=True)
class DatasetName:
    """Name a dataset as `team.stage.table`."""

    team: str
    stage: str
    table: str

    def __post_init__(self) -> None:
        wrong = [w for w in (self.team, self.stage, self.table) if not WORD.fullmatch(w)]
        if wrong or self.stage not in STAGES:
            raise _refused(f"{self.team}.{self.stage}.{self.table}")

    @classmethod
    def parse(cls, text: str) -> DatasetName:
        """Read `team.stage.table`."""
        parts = text.split(".")
        if len(parts) != 3:
            raise _refused(text)
        return cls(*parts)

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


def _refused(text: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        f"dataset name `{text[:200]}` is not `team.stage.table`",
        declared="DatasetName",
        next=f"use lower-case words and a stage among {', '.join(STAGES)}",
    )
