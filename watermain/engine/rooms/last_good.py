"""What a room last declared before it stopped loading, kept as data in the data folder."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from watermain import durable
from watermain.declare.cadence import Cadence
from watermain.declare.connection.connection import references_in
from watermain.declare.dataset import Dataset
from watermain.declare.errors import WatermainError
from watermain.declare.feature import Feature, Online
from watermain.declare.name import DatasetName
from watermain.declare.need import Needs
from watermain.declare.outside.kind import SourceWord
from watermain.declare.outside.source import Platform
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.written import written
from watermain.settings import load_settings

FORMAT = 1
FOLDER = "rooms"  # in the data folder


def remember(team: str, datasets: Collection[Dataset]) -> bool:
    """Write down what a room declares; tell whether its readers have to know.

    Guarantees: code is not part of it; where nothing changed, nothing is written. Where it stands
    and how it is described are no news.
    """
    path = _path(team)
    facts, before = [_facts(d) for d in datasets if d.broken is None], _read(path)
    # A mart that is dark now is still known as it was when it could be built.
    dark = {str(d.name) for d in datasets if d.broken is not None}
    facts += [told for told in before if told.get("name") in dark]
    text = json.dumps({"format": FORMAT, "datasets": facts}, indent=1, default=str)
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.replace(path, text)
    return _promised(before) != _promised(json.loads(text)["datasets"])


def _promised(datasets: list[dict[str, Any]]) -> dict[str, Any]:
    """What others rely on, by name."""
    found = {}
    for facts in datasets:
        kept = {k: v for k, v in facts.items() if k != "declared"}
        found[str(facts["name"])] = {
            **kept,
            "promise": {k: v for k, v in kept["promise"].items() if k != "description"},
        }
    return found


def remembered(team: str, why: WatermainError) -> tuple[Dataset, ...]:
    """What a room that does not load last declared; nothing where that is not known.

    Guarantees: the datasets have names, contracts, cadences, inputs; none can be built, and `why`
    is what is said to whoever tries.
    """
    found = []
    for facts in _read(_path(team)):
        try:
            found.append(_dataset(facts, why))
        except (WatermainError, KeyError, TypeError, ValueError):
            continue  # what an older release wrote, or a torn file, is as if it were not there
    return tuple(found)


def _path(team: str) -> Path:
    return load_settings().home / FOLDER / f"{team}.json"


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        told = json.loads(path.read_text())
        return list(told["datasets"]) if told["format"] == FORMAT else []
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return []


def _facts(dataset: Dataset) -> dict[str, Any]:
    from watermain.engine.exchange.odcs import facts  # needless to whom only reads a sound room
    from watermain.engine.exchange.released import promise

    return {
        "name": str(dataset.name),
        "declared": dataset.declared,
        "promise": facts(promise(dataset)),
        "inputs": {alias: str(name) for alias, name in dataset.inputs.items()},
        "needs": {
            alias: {
                "before": need.before.total_seconds(),
                "optional": need.optional,
                "refresh": need.refresh,
            }
            for alias, need in dataset.needs.items()
        },
        "schedule": dataset.schedule,
        "pace": _pace_facts(dataset.cadence),
        "source": dataset.source_kind or None,
        "opens": sorted(getattr(dataset.source, "uses", dict)()),
        "secrets": sorted(set(references_in(dataset.source))),
        "table": dataset.source.table if isinstance(dataset.source, Platform) else None,
        "feature": _feature_facts(dataset.feature),
        "promised": _promised_facts(dataset),
    }


def _promised_facts(dataset: Dataset) -> dict[str, Any] | None:
    """What the evaluator judges, for whoever reads it without the rest."""
    if dataset.slo is None or dataset.cadence is None:
        return None
    return written(
        Promised(
            dataset=dataset.name, slo=dataset.slo, cadence=dataset.cadence, owner=dataset.owner
        )
    )


def _dataset(facts: Mapping[str, Any], why: WatermainError) -> Dataset:
    from watermain.engine.exchange.odcs_reader import read_document

    (promise,) = read_document(json.dumps(facts["promise"]), f"what {facts['name']} last declared")
    inputs = {alias: DatasetName.parse(name) for alias, name in facts["inputs"].items()}
    return Dataset(
        name=DatasetName.parse(facts["name"]),
        contract=promise.contract,
        owner=promise.owner,
        declared=facts["declared"],
        description=promise.description,
        inputs=inputs,
        needs={
            alias: Needs(
                dataset=inputs[alias],
                columns={},
                before=timedelta(seconds=need["before"]),
                optional=need["optional"],
                refresh=need["refresh"],
            )
            for alias, need in facts["needs"].items()
        },
        checks=promise.checks,
        cadence=_paced(promise.cadence, facts["pace"]),
        slo=promise.slo,
        schedule=facts["schedule"],
        source=_source(facts["source"], facts["table"]),
        feature=_feature(facts["feature"]),
        unloaded=why,
    )


def _pace_facts(cadence: Cadence | None) -> dict[str, float | None] | None:
    """What of a cadence drives it, which no released contract tells."""
    if cadence is None:
        return None
    return {"every": _seconds(cadence.every), "closes_after": _seconds(cadence.closes_after)}


def _paced(cadence: Cadence | None, pace: Mapping[str, float | None] | None) -> Cadence | None:
    if cadence is None or pace is None:
        return cadence
    return replace(cadence, every=_span(pace["every"]), closes_after=_span(pace["closes_after"]))


def _source(kind: str | None, table: str | None) -> SourceWord | None:
    """A word that says all of a kind of source but where it is: nothing is captured by it."""
    if kind is None:
        return None
    if kind == Platform.kind:
        return Platform(table=str(table))
    word = next(w for w in _words(SourceWord) if w.kind == kind)
    said: type[SourceWord] = type(
        word.__name__, (SourceWord,), {n: getattr(word, n) for n in _SAID}
    )
    return said()


def _words(word: type[SourceWord]) -> list[type[SourceWord]]:
    below = word.__subclasses__()
    return [*below, *(deeper for each in below for deeper in _words(each))]


_SAID = tuple(n for n in vars(SourceWord) if n in SourceWord.__annotations__)


def _feature_facts(feature: Feature | None) -> dict[str, Any] | None:
    if feature is None:
        return None
    days = feature.trained_on
    return {
        "entity": [*feature.entity],
        "known_at": feature.known_at,
        "max_age": _seconds(feature.max_age),
        "version": feature.version,
        "state": feature.state,
        "online": {"ttl": _seconds(feature.online.ttl)} if feature.online else None,
        "trained_on": [d if isinstance(d, int) else d.isoformat() for d in days] if days else None,
    }


def _feature(facts: Mapping[str, Any] | None) -> Feature | None:
    if facts is None:
        return None
    days, online = facts["trained_on"], facts["online"]
    first, last = (d if isinstance(d, int) else date.fromisoformat(d) for d in days or (0, 0))
    return Feature(
        entity=tuple(facts["entity"]),
        known_at=facts["known_at"],
        max_age=_span(facts["max_age"]),
        version=facts["version"],
        state=facts["state"],
        online=Online(ttl=_span(online["ttl"])) if online else None,
        trained_on=(first, last) if days else None,  # type: ignore[arg-type]
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
