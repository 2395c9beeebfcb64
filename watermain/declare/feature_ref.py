"""References to features, as a consumer writes them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownFeatureError, quoted
from watermain.declare.feature import Feature
from watermain.declare.name import DatasetName

STAGE = "features"
NONE = "none: no room declares a feature table"
_WORD = r"[a-z][a-z0-9_]{0,62}"
_REFERENCE = re.compile(
    rf"(?:(?P<team>{_WORD})\.{STAGE}\.)?(?P<table>{_WORD})"
    r"(?:@(?P<version>[1-9][0-9]{0,8}))?(?::(?P<feature>[^:@\s]+))?"
)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Name the features of a table, or one of them, of a version or of the current one."""

    team: str | None
    table: str
    version: int | None = None
    feature: str | None = None

    @classmethod
    def parse(cls, text: str, team: str | None = None) -> Reference:
        """Read `team.features.table@2:feature`, where all but the table may be missing.

        Raises: UnknownFeatureError, for anything else.
        """
        found = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise _unknown(
                f"{str(text)[:200]!r} refers to no feature",
                "write `team.features.table`, `table:feature` or `table@2:feature`",
            )
        version = found["version"]
        return cls(
            team=found["team"] or team,
            table=found["table"],
            version=int(version) if version else None,
            feature=found["feature"],
        )

    @property
    def name(self) -> str:
        """The feature table's name, without a version."""
        return f"{self.team}.{STAGE}.{self.table}" if self.team else self.table


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Take columns of one feature table.

    Shapes: `prefix` begins the label of each column.
    """

    dataset: Dataset
    columns: tuple[str, ...]
    prefix: str

    @property
    def feature(self) -> Feature:
        """Of whom the features are, and for how long they hold."""
        return feature_of(self.dataset)

    def label(self, column: str) -> str:
        """What a column is called beside those of other tables."""
        return f"{self.prefix}__{column}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all its columns."""
        return tuple(map(self.label, self.columns))


def resolve(
    refs: Sequence[str], declared: Mapping[DatasetName, Dataset], team: str | None = None
) -> tuple[Chosen, ...]:
    """Find the feature tables that references name, with the columns asked of each.

    Shapes: one for each table, in the order in which they were asked for first; a reference
    without a team means a table of `team`.
    Guarantees: without a version it is the highest one whose state is `current`; with one it is
    that version, whatever its state; labels say `_v2` where any reference to the table did, and
    begin with the team where two teams have a table of that name.
    Raises: UnknownFeatureError, listing the nearest right ones.
    """
    versions = _versions(declared)
    asked: dict[DatasetName, dict[str, None]] = {}
    prefixes: dict[DatasetName, str] = {}
    for text in refs:
        reference = Reference.parse(text, team)
        dataset = _find(reference, versions)
        asked.setdefault(dataset.name, {}).update(dict.fromkeys(_columns(reference, dataset)))
        if reference.version is not None:
            prefixes[dataset.name] = f"{reference.table}_v{reference.version}"
        prefixes.setdefault(dataset.name, reference.table)
    if not asked:
        near = quoted(versions) or "declare one with `feature_table`"
        raise _unknown("no feature is asked for", f"name some of {near}")
    found = (
        Chosen(dataset=declared[name], columns=tuple(columns), prefix=prefixes[name])
        for name, columns in asked.items()
    )
    return tuple(_told_apart(tuple(found)))


def feature_of(dataset: Dataset) -> Feature:
    """What makes the dataset a feature table.

    Raises: UnknownFeatureError, when nothing does.
    """
    if dataset.feature is None:
        raise _unknown(
            f"{dataset.name} is no feature table",
            "declare it with `feature_table`",
            declared=dataset.declared,
        )
    return dataset.feature


def table_name(dataset: Dataset) -> str:
    """The name of a feature table without its version: `prediction.features.route_delay`."""
    return str(dataset.name).removesuffix(f"_v{feature_of(dataset).version}")


def _versions(declared: Mapping[DatasetName, Dataset]) -> dict[str, dict[int, Dataset]]:
    found: dict[str, dict[int, Dataset]] = {}
    for dataset in declared.values():
        if dataset.feature is not None:
            found.setdefault(table_name(dataset), {})[dataset.feature.version] = dataset
    return found


def _find(reference: Reference, versions: Mapping[str, Mapping[int, Dataset]]) -> Dataset:
    known = versions.get(reference.name)
    if known is None:
        what = "there is no feature table" if reference.team else "no team is named for"
        raise _unknown(
            f"{what} `{reference.name}`", f"use one of {_near(reference.name, versions)}"
        )
    if reference.version is not None:
        if reference.version in known:
            return known[reference.version]
        raise _unknown(
            f"`{reference.name}` has no version {reference.version}",
            f"use one of {quoted(f'{reference.name}@{v}' for v in known)}",
            declared=known[max(known)].declared,
        )
    current = [v for v, d in known.items() if feature_of(d).state == "current"]
    if current:
        return known[max(current)]
    states = ", ".join(f"{v} is {feature_of(d).state}" for v, d in sorted(known.items()))
    raise _unknown(
        f"no version of `{reference.name}` is current: {states}",
        f"name one of {quoted(f'{reference.name}@{v}' for v in known)}",
        declared=known[max(known)].declared,
    )


def _columns(reference: Reference, dataset: Dataset) -> tuple[str, ...]:
    known = feature_of(dataset).columns(dataset.contract)
    if reference.feature is None:
        return known
    if reference.feature in known:
        return (reference.feature,)
    raise _unknown(
        f"`{table_name(dataset)}` has no feature `{reference.feature}`",
        f"use one of {_near(reference.feature, known)}",
        declared=dataset.declared,
    )


def _told_apart(found: tuple[Chosen, ...]) -> Iterator[Chosen]:
    """Begin labels with the team where two tables would share them."""
    prefixes = [c.prefix for c in found]
    for chosen in found:
        if prefixes.count(chosen.prefix) > 1:
            yield replace(chosen, prefix=f"{chosen.dataset.name.team}_{chosen.prefix}")
        else:
            yield chosen


def _near(word: str, known: Iterable[str]) -> str:
    """The names whose last words are nearest: what comes before is often left out, or right."""
    names = list(known)
    last = {name: name.rpartition(".")[2] for name in names}
    wanted = word.rpartition(".")[2]
    near = difflib.get_close_matches(wanted, set(last.values()), n=3, cutoff=0.7)
    return quoted([n for n in names if last[n] in near] or names) or NONE


def _unknown(
    what: str, next_step: str, *, declared: str = "features.py of a room"
) -> UnknownFeatureError:
    return UnknownFeatureError.nothing_happened(what, declared=declared, next=next_step)
