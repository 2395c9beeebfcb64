"""What makes a dataset a feature table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

import pyarrow as pa

from watermain.declare.cadence import Cadence
from watermain.declare.contract import Contract
from watermain.declare.errors import quoted

State = Literal["candidate", "current", "retired"]
STATES: tuple[str, ...] = get_args(State)


@dataclass(frozen=True, kw_only=True)
class Online:
    """Keep the newest row of each entity where it is read in milliseconds.

    Units: `ttl` after its event time a row is forgotten; None keeps it until a newer one comes.
    """

    ttl: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Feature:
    """Say of whom a table's features are, since when each row is known and for how long it holds.

    Shapes: `entity` names the columns that identify whom the features describe; `known_at` the
    column that says when a row could first be known, or None when that is its event time; it is
    part of the key, for each telling is a row.
    Units: a row older than `max_age` answers nothing; None lets it answer for ever. `trained_on`
    are the first and the last UTC day of the event times that models learnt from, each as a date or
    as a day of the table's calendar, the first being 1: what comes now is held against them.
    Guarantees: each version is a table of its own; `candidate` waits to be compared, `current` is
    what readers get who name no version, and `retired` is neither computed any more nor served.
    """

    entity: tuple[str, ...]
    known_at: str | None = None
    max_age: timedelta | None = None
    version: int = 1
    state: State = "current"
    online: Online | None = None
    trained_on: tuple[date, date] | tuple[int, int] | None = None

    def trained_between(self, cadence: Cadence | None) -> tuple[date, date] | None:
        """The first and the last day that models learnt from, in a table of this cadence."""
        if self.trained_on is None:
            return None
        since = (cadence or Cadence()).since
        first, last = (
            day if isinstance(day, date) else since + timedelta(days=day - 1)
            for day in self.trained_on
        )
        return first, last

    @property
    def is_retired(self) -> bool:
        """Whether it is neither computed any more nor served."""
        return self.state == "retired"

    @property
    def is_kept_online(self) -> bool:
        """Whether its newest rows are pushed into the online store."""
        return self.online is not None and not self.is_retired

    def complaints(self, contract: Contract) -> Iterator[tuple[str, str]]:
        """Say what does not fit the contract, each with what to do."""
        names = [c.name for c in contract.columns]
        wrong = [n for n in (*self.entity, self.known_at) if n is not None and n not in names]
        if isinstance(self.entity, str) or not self.entity:
            yield "`entity` is no tuple of column names", "name the columns as a tuple"
        elif wrong:
            yield f"{quoted(wrong)} is no column", f"use one of {quoted(names)}"
        elif contract.event_time is None:
            yield "a feature table needs the contract's event time", "name it in `event_time=`"
        else:
            yield from self._key_complaints(contract)
        if self.version < 1:
            yield f"version {self.version} is not positive", "count versions from 1"
        if self.state not in STATES:
            yield f"state {self.state!r} is unknown", f"use one of {quoted(STATES)}"
        if self.max_age is not None and self.max_age <= timedelta(0):
            yield f"max_age {self.max_age} is no time", "give a positive timedelta"
        if self.trained_on is not None:
            first, last = self.trained_on
            if type(first) is not type(last):
                yield "`trained_on` mixes a date with a number", "give two dates or two numbers"
            elif first > last:  # type: ignore[operator]
                yield "`trained_on` ends before it begins", "give the first day, then the last"
            elif isinstance(first, int) and first < 1:
                yield f"`trained_on` begins with day {first}", "count the calendar's days from 1"

    def _key_complaints(self, contract: Contract) -> Iterator[tuple[str, str]]:
        when = {contract.event_time, self.known_at} - {None}
        identity, told = {*self.entity, str(contract.event_time)}, {*self.entity, *when}
        wanted = dict.fromkeys(filter(None, (*self.entity, contract.event_time, self.known_at)))
        if set(contract.key) not in (identity, told):
            yield (
                f"the key {quoted(contract.key)} is not the entity with its event time",
                f"make the key {quoted(wanted)}",
            )
        for name in when:
            kind = contract.column(str(name)).type
            if not pa.types.is_timestamp(kind) or kind.tz is None:
                yield f"`{name}` is {kind}, no instant", "make it a timestamp with a time zone"
        if self.known_at is not None and not contract.demands(self.known_at):
            yield f"`{self.known_at}` may be null", "say `nullable=False` of its column"
        for name in self.entity:
            kind = contract.column(name).type
            if not (pa.types.is_string(kind) or pa.types.is_integer(kind)):
                yield f"entity `{name}` is {kind}", "identify by text or whole numbers"
        if set(contract.key) != told and not self.is_retired:
            yield (
                f"`{self.known_at}` is not part of the key {quoted(contract.key)}, so what is told"
                " later would take the place of what was known before",
                f"make the key {quoted(wanted)}, in a new version if this one was released",
            )

    def columns(self, contract: Contract) -> tuple[str, ...]:
        """The features themselves: what is neither entity nor time."""
        beside = {*self.entity, contract.event_time, self.known_at}
        return tuple(c.name for c in contract.columns if c.name not in beside)


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Name the features that a consumer reads together.

    Shapes: each is `team.features.table`, or `table:feature` for the team's own tables, or either
    with a version, as in `airport_delay@2:mean_delay_minutes`.
    """

    name: str
    features: tuple[str, ...]
    owner: str
    description: str = ""
