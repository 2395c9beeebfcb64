"""The gate of a change: released contracts kept, needs of readers promised."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenReleaseError, UnmetNeedError, WatermainError
from watermain.declare.name import DatasetName
from watermain.declare.need import Needs, unmet
from watermain.engine.exchange.released import Released
from watermain.engine.feature.feature_version import is_defined_as
from watermain.engine.release.release import FOLDER, RETIRED, Known, broken, shown

Promises = Mapping[DatasetName, Released]


def breaches(
    known: Known, now: Promises, earlier: Promises, retired: Mapping[DatasetName, str]
) -> Iterator[WatermainError]:
    """Each contract, as its file says it now or as an earlier commit released it, that is broken.

    Guarantees: a file that the same change rewrote or deleted hides nothing; no break is told
    twice.
    """
    yield from broken(known, now, retired)
    changed = {n: was for n, was in earlier.items() if now.get(n) != was}
    gone = {n for n in now if n not in known}
    before = {n: was for n, was in changed.items() if n not in gone}
    yield from broken(known, before, retired)
    yield from redefined(known, {**now, **before})
    for name in sorted(retired.keys() & known.keys()):
        yield BrokenReleaseError(
            f"{name} is retired, yet {known[name].declared} declares it",
            declared=f"{FOLDER}/{RETIRED}",
            data="nothing was published or written",
            next="take its line, or its declaration, away",
        )


def redefined(known: Known, before: Promises) -> Iterator[BrokenReleaseError]:
    """Each feature table that would be computed otherwise under the version that was released."""
    for name, was in before.items():
        dataset = known.get(name)
        if dataset is None or dataset.feature is None or not was.definition:
            continue
        if not is_defined_as(dataset, was.definition):
            version = dataset.feature.version
            yield BrokenReleaseError(
                f"{name} is released: its body or contract changed, its version did not",
                declared=dataset.declared,
                data=f"models were trained on version {version} as it was; nothing was published",
                next=f"take it back, or declare it beside as `version={version + 1}`,"
                ' `state="candidate"`, then watermain features diff',
            )


def unmet_needs(
    known: Known, wrong: Container[DatasetName] = frozenset()
) -> Iterator[UnmetNeedError]:
    """Each reader that relies on what its producer does not promise, in four lines.

    A producer that is `wrong` is told of as such: what it promises cannot be read.
    """
    for reader in sorted(known.values(), key=lambda d: d.name):
        for wanted in reader.needs.values():
            lacks = [] if wanted.dataset in wrong else list(_lacks(wanted, known))
            if lacks:
                yield _unmet(reader, wanted, lacks, known)


def _lacks(wanted: Needs, known: Known) -> Iterator[str]:
    if wanted.dataset not in known:
        yield "no room declares it"
    else:
        yield from unmet(wanted, known[wanted.dataset])


def _unmet(reader: Dataset, wanted: Needs, lacks: list[str], known: Known) -> UnmetNeedError:
    producer = known.get(wanted.dataset)
    where = producer.declared if producer else shown(wanted.dataset)
    return UnmetNeedError(
        f"{reader.name} needs of {wanted.dataset}: {'; '.join(lacks)}",
        declared=f"{reader.declared}; its producer at {where}",
        data=f"nothing was published; runs of {reader.name} would be held back",
        next=f"promise it in {wanted.dataset}, or take it out of the `needs` of {reader.name}",
    )
