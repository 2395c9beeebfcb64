"""Which dataset a node of a dbt project is: its team by what is said, else by where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.declare.name import STAGES, DatasetName
from watermain.engine.mart.node import Node, declared, refuse, words_of

EVERYTHING = "."
GROUP = "group:"


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Find whose a node is.

    Shapes: `teams` are the rooms of the project; `said` is `dbt_teams` of its settings, which
    gives folders of the dbt project, or `group:<name>`, to teams.
    """

    teams: tuple[str, ...]
    said: Mapping[str, str]

    def name(self, node: Node) -> DatasetName:
        """The dataset that a model, a seed or a snapshot is.

        Raises: InvalidDeclarationError, where it belongs to no team or its alias names no table.
        """
        team = self.team(node)
        if team is None:
            refuse(
                node,
                "belongs to no team",
                "say whose it is: `config: meta: watermain: team: <team>`, a folder or a group in"
                f" `dbt_teams` of [tool.watermain], or a folder named {quoted(self.teams)}",
            )
        if team not in self.teams:
            refuse(
                node,
                f"belongs to the team `{team}`, which has no room",
                f"watermain new room {team}, or name one of {quoted(self.teams)}",
            )
        try:
            return DatasetName(team, "marts", node["alias"])
        except InvalidDeclarationError:
            refuse(
                node,
                f"has the name `{node['alias']}`, which no dataset can have",
                "give it an `alias` of lower-case letters, digits and underscores",
            )

    def guess(self, path: str) -> DatasetName | None:
        """The dataset that a file would be that dbt could not parse, if its place says so."""
        place = PurePosixPath(path)
        team = self._by_folder(place) or self._by_place(place)
        try:
            return DatasetName(team, "marts", place.stem) if team in self.teams else None
        except InvalidDeclarationError:
            return None

    def team(self, node: Node) -> str | None:
        """Whose a node is by what is said of it or by where it stands; None where nothing tells."""
        place, group = PurePosixPath(node["original_file_path"]), node["config"].get("group")
        owner = str((node["config"].get("meta") or {}).get("owner", "")).removeprefix("team:")
        found = (
            words_of(node).get("team"),
            self.said.get(f"{GROUP}{group}"),
            self._by_folder(place),
            group if group in self.teams else None,
            owner if owner in self.teams else None,
            self._by_place(place),
        )
        return next((str(team) for team in found if team), None)

    def _by_folder(self, place: PurePosixPath) -> str | None:
        """The team of the nearest folder that the settings name."""
        folders = [str(folder) for folder in place.parents]
        return next((self.said[folder] for folder in folders if folder in self.said), None)

    def _by_place(self, place: PurePosixPath) -> str | None:
        """The team whose name the nearest folder bears, else the only one that there is."""
        named = [folder for folder in reversed(place.parent.parts) if folder in self.teams]
        return named[0] if named else self.teams[0] if len(self.teams) == 1 else None


def source_name(source: Node, own: Mapping[tuple[str, str], DatasetName]) -> DatasetName:
    """The dataset that a source is: the one that it names, the one of its schema or one of `own`.

    Shapes: `own` are the tables that the project makes itself, by schema and table.
    Raises: InvalidDeclarationError, where it is none.
    """
    said = words_of(source).get("dataset")
    if said is not None:
        return DatasetName.parse(str(said))
    schema, table = str(source["schema"]), str(source["identifier"])
    if (schema, table) in own:
        return own[schema, table]
    team, _, stage = schema.rpartition("_")
    if team and stage in STAGES:
        return DatasetName(team, stage, table)
    raise InvalidDeclarationError.nothing_happened(
        f"dbt source `{source['source_name']}.{source['name']}` is no dataset",
        declared=declared(source),
        next="name it at the table: `config: meta: watermain: dataset: team.curated.table`",
    )
