"""The declaration of a dataset."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from watermain.declare.body.frame import FRAMES, asked
from watermain.declare.body.given import bundle, taken
from watermain.declare.body.mart import Growth, Mart
from watermain.declare.cadence import Cadence
from watermain.declare.check import Check, NotNull, RowCount, UniqueKey
from watermain.declare.column.drift import DRIFTS, EXTRA
from watermain.declare.column.kept_type import unkept
from watermain.declare.column.own_column import OWN_PREFIX, own_columns
from watermain.declare.contract import Contract
from watermain.declare.errors import InvalidDeclarationError, WatermainError, quoted
from watermain.declare.feature import Feature
from watermain.declare.name import DatasetName
from watermain.declare.need import REFRESHES, Needs, Refresh
from watermain.declare.outside.kind import SourceWord
from watermain.declare.outside.source import Platform
from watermain.declare.place import place, shown
from watermain.declare.schedule import schedule_complaints
from watermain.declare.slo import Slo

Body = Callable[..., Any]
_OWNER = re.compile(r"team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A declared dataset; call it to run its body on tables of your own.

    One whose room does not load is known as it was last declared, without its body; `unloaded`
    says why.
    Guarantees: its inputs, key, checks and owner fit together, or it cannot be constructed.
    """

    name: DatasetName
    contract: Contract
    owner: str
    declared: str
    description: str = ""
    inputs: Mapping[str, DatasetName] = field(default_factory=dict)
    needs: Mapping[str, Needs] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    cadence: Cadence | None = None
    slo: Slo | None = None
    schedule: str | None = None
    body: Body | None = field(default=None, repr=False)
    source: SourceWord | None = None
    feature: Feature | None = None
    mart: Mart | None = None
    unloaded: WatermainError | None = field(default=None, repr=False, compare=False)

    def __call__(self, *args: Any, **tables: Any) -> Any:
        if self.unloaded is not None:
            raise self.unloaded
        if self.body is None:
            raise TypeError(f"{self.name} is captured from a source; it has no body")
        kind = bundle(self.body) if tables and not args and self.mart is None else None
        return self.body(*args, **tables) if kind is None else self.body(kind(**tables))

    def __post_init__(self) -> None:
        for complaint, next_step in self._complaints():
            raise InvalidDeclarationError.nothing_happened(
                f"{self.name}: {complaint}",
                declared=self.declared,
                next=next_step,
            )

    def _complaints(self) -> Iterator[tuple[str, str]]:
        names = {c.name for c in self.contract.columns}
        if not _OWNER.fullmatch(self.owner):
            yield f"owner {self.owner!r} is nobody", "use `team:<name>` or an email address"
        if self.cadence is not None and self.contract.event_time is None:
            yield "a cadence needs the contract's event time", "name it in `event_time=`"
        if self.contract.repeats_within is not None and (
            not self.is_captured or self.origin.keys_repeat
        ):
            yield (
                "keys repeat here for good reason, `repeats_within` would lose rows",
                "leave it out; it is for events: files, messages, devices, REST, webhooks",
            )
        yield from self._one_row_complaints()
        yield from self._timing_complaints()
        for kept in self.contract.columns:
            yield from unkept(kept.type, kept.name)
        yield from self._drift_complaints({name.lower() for name in names})
        yield from self.feature.complaints(self.contract) if self.feature else ()
        for check in self.checks:
            for column in check.columns():
                if column not in names:
                    yield f"{check.label} names no column", f"use one of {quoted(names)}"
        labels = [check.label for check in self.all_checks]
        for label in {x for x in labels if labels.count(x) > 1}:
            yield f"check `{label}` stands twice", "keep one of them"
        if self.body is not None and self.mart is None:
            wanted = set(taken(self.body))
            if wanted != set(self.inputs):
                yield (
                    f"the body takes {quoted(wanted) or 'nothing'}",
                    f"name its parameters as the inputs: {quoted(self.inputs) or 'none'}",
                )
            for name, kind in asked(self.body).items():
                if kind is None:
                    word = taken(self.body)[name].annotation
                    yield (
                        f"the body asks for `{name}` as {word}, which no table of ours is",
                        f"annotate it as one of {quoted(FRAMES)}",
                    )

    def _one_row_complaints(self) -> Iterator[tuple[str, str]]:
        if self.contract.key:
            return
        if self.contract.keyless:
            if not self.is_computed or self.feature is not None:
                yield "what is captured and what is served has a key", "name it in `key=`"
            return
        if not self.is_computed or self.cadence is not None or self.feature is not None:
            yield (
                "a table of one row is neither captured nor cut into partitions, nor of features",
                "name the key of its rows",
            )
        for check in self.checks:
            if isinstance(check, RowCount) and check.high != 1:
                yield "a table of one row has no other number of rows", "leave `row_count` out"

    def _timing_complaints(self) -> Iterator[tuple[str, str]]:
        yield from self.slo.complaints(self.cadence) if self.slo else ()
        if self.schedule is None:
            return
        if self.is_platforms:
            yield "the platform writes its rows, nobody is asked to", "leave `schedule` out"
        if self.cadence is not None and self.cadence.every is not None:
            every = self.cadence.every
            yield f"a stream computes it every {every}, a schedule too", "keep one of them"
        yield from schedule_complaints(self.schedule)

    def _drift_complaints(self, names: set[str]) -> Iterator[tuple[str, str]]:
        drift = self.contract.drift
        if drift not in DRIFTS:
            yield f"drift {drift!r} is unknown", f"use one of {quoted(DRIFTS)}"
        elif drift != "divert" and not self.is_captured:
            yield f"drift {drift!r} is for what a source shows", "leave it out"
        if self.is_captured and EXTRA in names:
            yield f"`{EXTRA}` is where unknown columns go", "give that column another name"
        ours = own_columns(self.source)
        for name in sorted(n for n in names if n in ours or n.startswith(OWN_PREFIX)):
            yield f"`{name}` is a column that the platform writes", "give that column another name"

    @property
    def origin(self) -> SourceWord:
        """What its kind of source says; the answer of none where nothing is captured."""
        return self.source or SourceWord()

    @property
    def is_computed(self) -> bool:
        """Whether its rows come from other datasets."""
        return self.source is None

    @property
    def is_captured(self) -> bool:
        """Whether its rows come from a system outside."""
        return not self.is_computed and not self.is_platforms

    @property
    def is_live(self) -> bool:
        """Whether a stream captures it where the project does not say otherwise."""
        return self.is_captured and self.origin.is_live and self.schedule is None

    @property
    def zone(self) -> str:
        """The time zone that its schedule is written in."""
        return self.cadence.zone if self.cadence else "UTC"

    @property
    def is_platforms(self) -> bool:
        """Whether the platform itself writes its rows, as it works."""
        return isinstance(self.source, Platform)

    @property
    def source_kind(self) -> str:
        """The kind of its source; empty where it is computed."""
        return self.source.kind if self.source else ""

    @property
    def broken(self) -> str | None:
        """Why it cannot be built, in four lines; None where nothing is wrong with it."""
        if self.unloaded is not None:
            return str(self.unloaded)
        return self.mart.broken if self.mart else None

    @property
    def growth(self) -> Growth | None:
        """How it follows from its own last rows; None where it is made as a whole."""
        return self.mart.grows if self.mart else None

    @property
    def keeps_history(self) -> bool:
        """Whether its rows stand nowhere else, so that it is never made anew."""
        return self.growth is not None and self.growth.keeps

    def refuse_broken(self) -> None:
        """Refuse to build what is wrong.

        Raises: what was found to be wrong.
        """
        if self.broken:
            self()

    @property
    def can_quarantine(self) -> bool:
        """Whether rows may be put aside: captured ones that do not fit, or others by a rule."""
        if not self.is_computed:
            return self.is_captured
        return any(c.severity == "quarantine" for c in self.checks)

    @cached_property
    def references(self) -> tuple[DatasetName, ...]:
        """The datasets that its checks and those of its needs read beside its inputs."""
        wanted = [c for n in self.needs.values() for c in n.guarantees]
        read = [n for c in (*self.checks, *wanted) for n in c.reads()]
        known = {self.name, *self.inputs.values()}
        return tuple(n for n in dict.fromkeys(read) if n not in known)

    @cached_property
    def upstream(self) -> tuple[DatasetName, ...]:
        """The datasets that must stand before it: its inputs, and then what its checks refer to."""
        return tuple(dict.fromkeys([*self.inputs.values(), *self.references]))

    def looks_back(self, name: DatasetName) -> timedelta:
        """How far before a partition's beginning the body is given rows of an input."""
        return max(
            (n.before for n in self.needs.values() if n.dataset == name), default=timedelta(0)
        )

    def refresh(self, name: DatasetName) -> Refresh:
        """Which partitions the news of an input without partitions concern.

        An input that is read under two names concerns what either says.
        """
        said = [self.needs.get(alias) for alias, read in self.inputs.items() if read == name]
        words = {n.refresh if n else "all" for n in said}
        return next((word for word in REFRESHES if word in words), "all")

    def is_optional(self, name: DatasetName) -> bool:
        """Whether partitions are computed although an input has nothing for them, or is not there.

        An input that is read under two names is optional where both say so.
        """
        said = [self.needs.get(alias) for alias, read in self.inputs.items() if read == name]
        return bool(said) and all(n is not None and n.optional for n in said)

    @cached_property
    def all_checks(self) -> tuple[Check, ...]:
        """The declared checks, preceded by those that the contract implies."""
        declared = {c.label for c in self.checks}
        needed = [*self.contract.key]
        needed += [c.name for c in self.contract.columns if not c.nullable]
        if self.cadence is not None and self.contract.event_time:
            needed.append(self.contract.event_time)
        implied: list[Check] = [NotNull(column=n) for n in dict.fromkeys(needed)]
        if self.is_computed:
            key = self.contract.key
            if not self.contract.keyless:
                implied.append(UniqueKey(key=key) if key else RowCount(low=1, high=1))
        return tuple(c for c in implied if c.label not in declared) + self.checks


def dataset(
    name: str,
    *,
    contract: Contract,
    owner: str,
    inputs: Mapping[str, str | Needs] | None = None,
    checks: tuple[Check, ...] = (),
    cadence: Cadence | None = None,
    slo: Slo | None = None,
    schedule: str | None = None,
) -> Callable[[Body], Dataset]:
    """Declare a dataset computed from other datasets.

    Shapes: the body takes one table for each input, under the input's name, or one dataclass or
    named tuple whose fields are the inputs; it returns one table with the contract's columns.
    `ibis.Table` is the default; annotate `pa.Table` or `pd.DataFrame` for those.
    With a `schedule`, five fields of cron in the cadence's zone, it is computed then, and changes
    of its inputs wait until then.
    Guarantees: the body is given whole partitions of one pinned snapshot; it never writes. The
    body of a partitioned dataset must treat partitions apart, for a range is one call.
    """

    given = inputs or {}

    def declare(body: Body) -> Dataset:
        line = body.__code__.co_firstlineno
        return Dataset(
            name=DatasetName.parse(name),
            contract=contract,
            owner=owner,
            declared=shown(body.__code__.co_filename, line),
            description=inspect.getdoc(body) or "",
            inputs={
                k: v.dataset if isinstance(v, Needs) else DatasetName.parse(v)
                for k, v in given.items()
            },
            needs={k: v for k, v in given.items() if isinstance(v, Needs)},
            checks=tuple(checks),
            cadence=cadence,
            slo=slo,
            schedule=schedule,
            body=body,
        )

    return declare


def raw(
    name: str,
    *,
    source: SourceWord,
    contract: Contract,
    owner: str,
    description: str = "",
    checks: tuple[Check, ...] = (),
    cadence: Cadence | None = None,
    slo: Slo | None = None,
    schedule: str | None = None,
) -> Dataset:
    """Declare a dataset captured from an outside system and never changed afterwards.

    With a `schedule`, five fields of cron in the cadence's zone, what waits is captured then;
    without one, a stream captures it, or a run whenever something waits, as its source says.
    Guarantees: each captured batch is committed exactly once, with its position in the ledger.
    """
    return Dataset(
        name=DatasetName.parse(name),
        contract=contract,
        owner=owner,
        declared=place(),
        description=description,
        checks=tuple(checks),
        cadence=cadence,
        slo=slo,
        schedule=schedule,
        source=source,
    )
