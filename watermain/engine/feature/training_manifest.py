"""What a training set was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TrainingSetError, quoted
from watermain.declare.feature_ref import Chosen
from watermain.declare.name import DatasetName
from watermain.engine.code.code import code_version

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class PinnedTable:
    """A feature table of a training set, as it was declared then.

    Shapes: `rule` says of whom its rows are, since when each counts and for how long.
    """

    dataset: str
    version: int
    columns: tuple[str, ...]
    prefix: str
    contract: str
    rule: str
    code: str

    @classmethod
    def of(cls, chosen: Chosen) -> PinnedTable:
        """The table as it is declared now."""
        dataset, feature = chosen.dataset, chosen.feature
        age = feature.max_age.total_seconds() if feature.max_age else "any"
        entity = ", ".join(feature.entity)
        when = f"{dataset.contract.event_time}, known {feature.known_at or 'then'}"
        return cls(
            dataset=str(dataset.name),
            version=feature.version,
            columns=chosen.columns,
            prefix=chosen.prefix,
            contract=dataset.contract.hash,
            rule=f"{entity}: {when}, max age {age}",
            code=code_version(dataset),
        )


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Tell from what a training set was made, so that the same call makes the same again.

    Shapes: `features` are the references as they were asked for, and `tables` what they were
    then; `spine` and `result` are fingerprints of values; `branch` is empty for the lake itself.
    """

    snapshot: int
    snapshot_at: str
    branch: str
    at: str
    entities: Mapping[str, str]
    features: tuple[str, ...]
    tables: tuple[PinnedTable, ...]
    spine: str
    rows: int
    result: str = ""
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        """The manifest as JSON, the same for the same."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read what `to_json` wrote.

        Raises: TrainingSetError, for anything else.
        """
        try:
            found = _object(json.loads(text), cls)
            found["tables"] = tuple(_table(_object(t, PinnedTable)) for t in found["tables"])
            found["features"] = tuple(found["features"])
            found["entities"] = dict(found["entities"])
        except (ValueError, TypeError, RecursionError) as error:
            raise _odd(f"the manifest cannot be read: {str(error)[:300]}") from error
        if found["format"] != FORMAT:
            raise _odd(f"the manifest has format {found['format']!r}, {FORMAT} is known")
        return cls(**found)

    def chosen(self, declared: Mapping[DatasetName, Dataset]) -> tuple[Chosen, ...]:
        """The tables that it was made from, as they are declared now.

        Raises: TrainingSetError, when one is declared no more, or promises something else.
        """
        found = []
        for pinned in self.tables:
            dataset = declared.get(DatasetName.parse(pinned.dataset))
            if dataset is None or dataset.feature is None:
                raise _odd(f"the manifest was made from {pinned.dataset}, declared no more")
            chosen = Chosen(dataset=dataset, columns=pinned.columns, prefix=pinned.prefix)
            now = PinnedTable.of(chosen)
            for name in ("version", "contract", "rule"):
                was, came = getattr(pinned, name), getattr(now, name)
                if was != came:
                    what = f"the {name} of {pinned.dataset} is `{came}`, was `{was}`"
                    raise _odd(f"{what} in the manifest", dataset.declared)
            found.append(chosen)
        return tuple(found)

    def refuse_other(self, now: Manifest) -> None:
        """See that a call is the one that the manifest was made by.

        Raises: TrainingSetError.
        """
        for name in ("branch", "snapshot_at", "at", "entities", "features", "rows", "spine"):
            was, came = getattr(self, name), getattr(now, name)
            if was != came:
                raise _odd(f"this is another call: its {name} is {came!r}, the manifest's {was!r}")

    def refuse_other_result(self, result: str) -> None:
        """See that the values came out as they did.

        Raises: TrainingSetError.
        """
        if result != self.result:
            names = quoted(table.dataset for table in self.tables)
            raise TrainingSetError(
                f"the result is {result[:16]}, the manifest says {self.result[:16]}",
                declared=f"the manifest of snapshot {self.snapshot}",
                data=f"snapshot {self.snapshot} of {names} no longer holds what it held",
                next="watermain doctor",
            )


def _object(found: Any, kind: type) -> dict[str, Any]:
    names = {f.name for f in fields(kind)}
    if not isinstance(found, dict) or set(found) != names:
        raise ValueError(f"it has no {quoted(names - set(found))}" if found else "it is empty")
    return dict(found)


def _table(found: dict[str, Any]) -> PinnedTable:
    return PinnedTable(**{**found, "columns": tuple(found["columns"])})


def _odd(what: str, declared: str = "the manifest given as `as_of=`") -> TrainingSetError:
    return TrainingSetError(
        what,
        declared=declared,
        data="nothing was read",
        next="make the training set anew: leave `as_of=` out, keep the manifest that comes with it",
    )
