"""Documents of the Open Data Contract Standard read back, ours or those of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NoReturn

import pyarrow as pa
from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import ValidationError

from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly
from watermain.declare.check import Check
from watermain.declare.contract import Column, Contract, Migration, Sensitivity
from watermain.declare.errors import UnreadableContractError, WatermainError
from watermain.declare.name import DatasetName
from watermain.declare.promise.plain import promised
from watermain.declare.quarantine import Quarantine
from watermain.declare.slo import Slo
from watermain.engine.exchange.foreign_rules import once
from watermain.engine.exchange.physical_type import physical_type
from watermain.engine.exchange.released import Released
from watermain.engine.exchange.rule_words import check_of
from watermain.engine.exchange.strict_yaml import read_yaml
from watermain.engine.exchange.type_option import option_checks, type_of_options
from watermain.engine.exchange.type_words import OF_LOGICAL, type_of

CADENCES: Mapping[str, type[Cadence]] = {c.__name__: c for c in (Hourly, Daily, Monthly)}
_CLASSES = {
    **{s.value: s for s in Sensitivity},
    "confidential": Sensitivity.SECRET,
    "restricted": Sensitivity.SECRET,
    "sensitive": Sensitivity.PERSONAL,
    "pii": Sensitivity.PERSONAL,
}
_UNIQUE = {"metric": "duplicateValues", "mustBe": 0}
_MALFORMED = (ValidationError, WatermainError, KeyError, TypeError, ValueError, AttributeError)


def read_document(text: str, declared: str = "the document") -> list[Released]:
    """What each table of a document promises.

    Guarantees: what a foreign document says beyond our words is told in the notes, never guessed.
    Raises: UnreadableContractError.
    """
    facts = read_yaml(text, declared)
    if not isinstance(facts, dict) or facts.get("kind") != "DataContract":
        _refuse("it is no data contract", declared, "its `kind` must be `DataContract`")
    if not str(facts.get("apiVersion", "")).startswith("v3."):
        told = f"apiVersion {facts.get('apiVersion')!r} is not version 3"
        _refuse(told, declared, "write it as `v3.1.0` of the Open Data Contract Standard")
    try:
        model = OpenDataContractStandard(**facts)
        return [_TableReader(model, table).promise() for table in model.schema_ or []]
    except UnreadableContractError as error:
        _refuse(error.what, declared, error.next)
    except _MALFORMED as error:
        what = error.what if isinstance(error, WatermainError) else " ".join(str(error).split())
        _refuse(f"it cannot be read: {what[:300]}", declared, "mend the document")


class _TableReader:
    """One table of a document, and what was noticed on the way."""

    def __init__(self, model: OpenDataContractStandard, table: SchemaObject) -> None:
        self.model, self.table, self.notes = model, table, list[str]()

    def promise(self) -> Released:
        """What the table promises."""
        own, about = _custom(self.model), _custom(self.table)
        columns = [self._column(p) for p in self.table.properties or []]
        checks = [*self._checks(), *self._options(columns)]
        contract = Contract(
            grain=self.table.dataGranularityDescription or self.table.description or "one row",
            key=self._key(about),
            keyless=bool(about.get("keyless")),
            columns=tuple(columns),
            event_time=about.get("eventTime"),
            repeats_within=_repeats(about.get("repeatsWithin")),
            quarantine=Quarantine(**about.get("quarantine", {})),
            drift=about.get("drift", "divert"),
            version=self._version(),
            migrations=tuple(Migration(*m) for m in (own.get("migrations") or {}).items()),
        )
        owner = getattr(self.model.team, "name", None) or ""
        return Released(
            name=self._name(),
            contract=contract,
            owner=owner,
            description=(self.model.description and self.model.description.purpose) or "",
            checks=once(checks, f"the table {self.table.name}"),
            cadence=_cadence(own.get("cadence")),
            slo=self._slo(own),
            is_captured=bool(own.get("captured")),
            definition=str(own.get("definition") or ""),
            notes=tuple(self.notes),
        )

    def _key(self, about: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns of the primary key; a table without one may hold any number of rows.

        Raises: UnreadableContractError.
        """
        if "key" in about or about.get("keyless"):
            return tuple(about.get("key", ()))
        placed = [p for p in self.table.properties or [] if p.primaryKey]
        if not placed:
            _refuse(
                f"no column of the table {self.table.name} is its primary key",
                "the document",
                "mark the columns that name a row with `primaryKey: true`",
            )
        placed.sort(key=lambda p: p.primaryKeyPosition or 0)
        return tuple(str(p.name) for p in placed)

    def _name(self) -> str:
        own = str(self.model.id).split(".")
        if len(own) == 3 and own[2] == self.table.name:
            return str(DatasetName(*own))
        team = _word(self.model.domain or "team")
        return str(DatasetName(team, "curated", _word(self.table.name or "table")))

    def _version(self) -> str:
        numbers = re.findall(r"[0-9]+", str(self.model.version))[:3]
        return ".".join([*map(str, map(int, numbers)), "0", "0", "0"][:3]) if numbers else "1.0.0"

    def _column(self, prop: SchemaProperty) -> Column:
        own = _custom(prop)
        word = (prop.classification or Sensitivity.INTERNAL.value).lower()
        if word not in _CLASSES:
            self.notes.append(f"`{prop.name}`: classification {word!r} has no word here")
        return Column(
            str(prop.name),
            self._type(prop, own),
            prop.description or "",
            unit=own.get("unit"),
            sensitivity=_CLASSES.get(word, Sensitivity.SECRET),
            nullable=not prop.required,
        )

    def _type(self, prop: SchemaProperty, own: Mapping[str, Any]) -> pa.DataType:
        if "arrowType" in own:
            return type_of(own["arrowType"])
        if found := physical_type(prop.physicalType or ""):
            return found
        if prop.properties:
            fields = [(str(p.name), self._type(p, _custom(p))) for p in prop.properties]
            return pa.struct(fields)
        if prop.items:
            return pa.list_(self._type(prop.items, _custom(prop.items)))
        if prop.logicalType and prop.logicalType in OF_LOGICAL:
            kind = type_of_options(OF_LOGICAL[prop.logicalType], prop.logicalTypeOptions or {})
            if prop.physicalType:
                self.notes.append(f"`{prop.name}`: {prop.physicalType} read as {kind}")
            return kind
        self.notes.append(f"`{prop.name}`: type {prop.physicalType or 'none'} read as text")
        return pa.string()

    def _options(self, columns: list[Column]) -> Iterator[Check]:
        """The options of the columns' types; those inside of columns are told."""
        for prop, column in zip(self.table.properties or [], columns, strict=True):
            own = {} if "arrowType" in _custom(prop) else {"physical": prop.physicalType or ""}
            options = prop.logicalTypeOptions or {}
            for found in option_checks(column.name, column.type, options, **own):
                if isinstance(found, Check):
                    yield found
                else:
                    self.notes.append(found)
            for path, part in _inside(prop):
                said = [k for k, v in (part.logicalTypeOptions or {}).items() if v is not None]
                said += ["quality"] if part.quality else []
                said += ["unique"] if part.unique else []
                if said:
                    self.notes.append(f"`{path}`: {', '.join(said)} of a part has no word here")

    def _checks(self) -> Iterator[Check]:
        placed: list[tuple[str | None, DataQuality]] = []
        for prop in self.table.properties or []:
            placed += [(prop.name, rule) for rule in prop.quality or []]
            if prop.unique:
                placed.append((prop.name, DataQuality.model_validate(_UNIQUE)))
        placed += [(None, rule) for rule in self.table.quality or []]
        for column, rule in placed:
            check = check_of(rule.model_dump(exclude_none=True), column)
            if check is None:
                where = f"`{column}`" if column else "the table"
                told = rule.name or rule.description or rule.metric or rule.query or rule.type
                self.notes.append(f"{where}: the rule {told!r} has no word here")
            else:
                yield check

    def _slo(self, own: Mapping[str, Any]) -> Slo | None:
        """The promise of a dataset that is cut into partitions; others have none to promise."""
        more = own.get("slo") or {}
        for sla in self.model.slaProperties or []:
            if sla.property == "latency" and sla.unit == "s" and "cadence" in own:
                return promised({**more, "readyWithinSeconds": sla.value})
            if "due" in more:
                return promised(more)
            self.notes.append(f"the promise {sla.property!r} has no word here")
        return None


def _cadence(words: Mapping[str, Any] | None) -> Cadence | None:
    if words is None:
        return None
    idle = words.get("idleAfterSeconds")  # not in documents released before it had a word
    start = words.get("start")  # nor in those of a calendar that declares none
    return CADENCES[words["every"]](
        zone=words["zone"],
        start=None if start is None else date.fromisoformat(start),
        late_for=timedelta(seconds=words["lateForSeconds"]),
        idle_after=Cadence().idle_after if idle is None else timedelta(seconds=idle),
    )


def _repeats(told: Any) -> timedelta | None:
    return timedelta.max if told == "ever" else None if told is None else timedelta(seconds=told)


def _inside(prop: SchemaProperty, path: str = "") -> Iterator[tuple[str, SchemaProperty]]:
    """The fields or items of a nested column, each by its path."""
    path = path or str(prop.name)
    parts = [(f"{path}.{p.name}", p) for p in prop.properties or []]
    parts += [(f"{path}[]", prop.items)] if prop.items else []
    for where, part in parts:
        yield where, part
        yield from _inside(part, where)


def _custom(part: Any) -> dict[str, Any]:
    return {p.property: p.value for p in part.customProperties or []}


def _word(text: str) -> str:
    """A foreign name as a word of a dataset's name."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"x_{plain}"


def _refuse(what: str, declared: str, next: str) -> NoReturn:
    raise UnreadableContractError(
        f"{declared}: {what}", declared=declared, data="nothing was written", next=next
    )
