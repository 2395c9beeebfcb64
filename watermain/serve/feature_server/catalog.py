"""What the feature server can be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import orjson
import pyarrow as pa

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, UnknownFeatureError, quoted
from watermain.declare.feature import FeatureSet
from watermain.declare.feature_ref import Chosen, resolve, table_name
from watermain.declare.name import DatasetName
from watermain.serve.feature_server.problem import shown, unprocessable
from watermain.settings import project

MOST_PLANS = 1024
MOST_FEATURES = 1000
_MICROSECONDS = 10**6


@dataclass(frozen=True)
class Part:
    """What is asked of one feature table, which is prepared for answering.

    Units: `max_age_us` are microseconds; None lets a row answer for ever.
    """

    chosen: Chosen

    @cached_property
    def stored(self) -> str:
        """The name of the table in the online store."""
        return str(self.chosen.dataset.name)

    @cached_property
    def name(self) -> str:
        """The name of the table without its version."""
        return table_name(self.chosen.dataset)

    @cached_property
    def entity(self) -> tuple[str, ...]:
        """The columns whose values are the key, in their order."""
        return self.chosen.feature.entity

    @cached_property
    def types(self) -> tuple[pa.DataType, ...]:
        """The types of the entity's columns."""
        return tuple(self.chosen.dataset.contract.column(n).type for n in self.entity)

    @cached_property
    def is_whole(self) -> bool:
        """Whether all features of the table are asked for, so that stored rows are answers."""
        return set(self.chosen.columns) == set(
            self.chosen.feature.columns(self.chosen.dataset.contract)
        )

    @cached_property
    def max_age_us(self) -> int | None:
        """The age up to which a row answers."""
        most = self.chosen.feature.max_age
        return None if most is None else int(most.total_seconds() * _MICROSECONDS)

    @cached_property
    def head(self) -> bytes:
        """The beginning of the table's part of a JSON answer."""
        facts = {"table": self.name, "version": self.chosen.feature.version}
        return orjson.dumps(facts)[:-1]

    @cached_property
    def blank(self) -> bytes:
        """The features of an entity of which nothing is known, as JSON."""
        return orjson.dumps(dict.fromkeys(self.chosen.columns))


@dataclass(frozen=True)
class Lookup:
    """The tables of a question, in the order of the asking."""

    parts: tuple[Part, ...]

    @cached_property
    def entities(self) -> dict[str, tuple[pa.DataType, ...]]:
        """Each entity column that is needed, and the types that the tables give it."""
        found: dict[str, dict[pa.DataType, None]] = {}
        for part in self.parts:
            for name, kind in zip(part.entity, part.types, strict=True):
                found.setdefault(name, {})[kind] = None
        return {name: tuple(kinds) for name, kinds in found.items()}


class Catalog:
    """Find what references and names of sets mean.

    Shapes: `sets` are the feature sets of each team.
    Guarantees: a table is served that is kept online, unless it is retired.
    Raises: InvalidDeclarationError, for a set that cannot be served.
    """

    def __init__(
        self,
        declared: Mapping[DatasetName, Dataset],
        sets: Mapping[str, Sequence[FeatureSet]] | None = None,
    ) -> None:
        self.tables = {n: d for n, d in declared.items() if d.feature and d.feature.is_kept_online}
        self.sets: dict[str, tuple[FeatureSet, Lookup]] = {}
        self.plan = lru_cache(MOST_PLANS)(self._plan)
        for team, of_team in (sets or {}).items():
            for each in of_team:
                self._add(team, each)

    def _add(self, team: str, each: FeatureSet) -> None:
        why = "two sets have its name" if each.name in self.sets else ""
        try:
            plan = self._plan(each.features, team)
        except UnknownFeatureError as error:
            why = f"{error.what}; {error.next}"
        if why:
            raise InvalidDeclarationError(
                f"feature set `{each.name}`: {why}",
                declared=f"{project().rooms}/{team}/features.py",
                data="nothing was served",
                next="name features of tables that are kept online, are not retired",
            )
        self.sets[each.name] = (each, plan)

    def _plan(self, refs: tuple[str, ...], team: str | None = None) -> Lookup:
        """Find the tables of references.

        Raises: UnknownFeatureError.
        """
        return Lookup(tuple(map(Part, resolve(refs, self.tables, team))))

    def plan_of(self, name: str) -> Lookup:
        """Find the tables of a feature set.

        Raises: RefusedRequestError, listing the sets there are.
        """
        if name not in self.sets:
            known = quoted(self.sets) or "none: no room declares a feature set"
            raise unprocessable(f"there is no feature set {shown(name)!r}", f"use one of {known}")
        return self.sets[name][1]

    def facts(self) -> dict[str, Any]:
        """The tables and the sets as plain values."""
        return {
            "tables": [_table(each) for _, each in sorted(self.tables.items())],
            "sets": [
                {
                    "name": each.name,
                    "description": each.description,
                    "owner": each.owner,
                    "features": list(each.features),
                    "entity": sorted(plan.entities),
                }
                for each, plan in self.sets.values()
            ],
        }


def _table(dataset: Dataset) -> dict[str, Any]:
    feature, contract = dataset.feature, dataset.contract
    assert feature is not None
    return {
        "table": table_name(dataset),
        "version": feature.version,
        "state": feature.state,
        "owner": dataset.owner,
        "description": dataset.description,
        "grain": contract.grain,
        "max_age_seconds": None if feature.max_age is None else feature.max_age.total_seconds(),
        "entity": [_column(dataset, name) for name in feature.entity],
        "features": [_column(dataset, name) for name in feature.columns(contract)],
    }


def _column(dataset: Dataset, name: str) -> dict[str, Any]:
    column = dataset.contract.column(name)
    return {
        "name": name,
        "type": str(column.type),
        "unit": column.unit,
        "description": column.description,
    }
