"""Contracts, types, checks made up by Hypothesis."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa

from watermain.declare import (
    AtMost,
    Check,
    Column,
    Contract,
    Daily,
    Days,
    Due,
    Hourly,
    Hours,
    Migration,
    Monthly,
    Quarantine,
    Sensitivity,
    Share,
    Slo,
    Urgency,
    accepted_values,
    between,
    expression,
    fresh_within,
    matches,
    not_null,
    refers_to,
    row_count,
    steady,
    unique,
)
from watermain.declare.check import RowCount
from watermain.declare.column.kept_type import unkept
from watermain.declare.column.pattern import pattern_fault
from watermain.engine.exchange.released import Released

# Words that people write: quotes, unicode, braces, but no control characters.
PHRASES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=8
) | st.sampled_from(['a "quoted" word', "it's", "{x} ${y}", "größer als 0", "ünïcödé", "# no: tag"])
WORDS = st.text(string.ascii_lowercase + string.digits + "_", max_size=8).map("x{}".format)
UNITS = st.sampled_from(["s", "ms", "us", "ns"])
PLAIN_TYPES = st.one_of(
    st.sampled_from(
        [
            *(pa.bool_(), pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
            *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
            *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
            *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64()),
            *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
            *(pa.string_view(), pa.binary_view(), pa.month_day_nano_interval()),
        ]
    ),
    st.integers(1, 38).flatmap(
        lambda precision: st.integers(0, precision).map(lambda s: pa.decimal128(precision, s))
    ),
    st.builds(pa.timestamp, UNITS, st.sampled_from([None, "UTC", "America/New_York"])),
    st.builds(pa.duration, UNITS),
    st.builds(pa.binary, st.integers(1, 64)),
)


def _fields(types: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.Field]:
    return st.builds(pa.field, PHRASES, types, nullable=st.booleans())


def _nested(types: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    structs = st.lists(_fields(types), max_size=3, unique_by=lambda f: f.name).map(pa.struct)
    maps = st.builds(pa.map_, types, types)
    lists = _fields(types).flatmap(
        lambda f: st.sampled_from([pa.list_(f), pa.large_list(f), pa.list_(f, 3)])
    )
    return structs | maps | lists


TYPES = st.recursive(PLAIN_TYPES, _nested, max_leaves=3)
KEPT_TYPES = TYPES.filter(lambda kind: not any(unkept(kind, "a column")))
COLUMNS = st.builds(
    Column,
    PHRASES,
    KEPT_TYPES,
    PHRASES,
    unit=st.none() | PHRASES,
    sensitivity=st.sampled_from(Sensitivity),
    nullable=st.booleans(),
)
VERSIONS = st.builds("{}.{}.{}".format, st.integers(1, 99), st.integers(0, 99), st.integers(0, 9))


SPANS = st.timedeltas(timedelta(seconds=1), timedelta(days=400))
QUARANTINES = st.builds(
    Quarantine, limit=st.none() | st.integers(0, 99) | st.floats(0, 1), replays=st.booleans()
)


@st.composite
def contracts(draw: Any) -> Contract:
    """Any contract that does not contradict itself."""
    columns = draw(st.lists(COLUMNS, min_size=1, max_size=3, unique_by=lambda c: c.name.lower()))
    key = draw(st.lists(st.sampled_from([c.name for c in columns]), min_size=1, unique=True))
    temporal = [c.name for c in columns if pa.types.is_temporal(c.type)]
    version = draw(VERSIONS)
    event = draw(st.sampled_from([None, *temporal]))
    steps = draw(st.lists(st.builds(Migration, st.just(version), PHRASES), max_size=1))
    return Contract(
        grain=draw(PHRASES),
        key=tuple(key),
        columns=tuple(columns),
        event_time=event,
        version=version,
        migrations=tuple(steps),
        repeats_within=draw(
            st.sampled_from([None, timedelta.max]) | (SPANS if event else st.none())
        ),
        quarantine=draw(QUARANTINES),
    )


INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
    lambda d: d.replace(tzinfo=UTC)
)
NUMBERS = st.integers(-1000, 1000) | st.decimals(-100, 100, places=2).map(Decimal)
PLAIN = st.booleans() | NUMBERS | st.floats(allow_nan=False) | PHRASES
ACTIONS = st.sampled_from(["block", "quarantine", "warn"])
SEVERITIES = st.sampled_from(["block", "warn"])


def _pairs(column: st.SearchStrategy[str]) -> st.SearchStrategy[Check]:
    """References of several columns together."""
    apart = (lambda pair: pair[0], lambda pair: pair[1])
    return st.lists(st.tuples(column, WORDS), min_size=2, unique_by=apart).map(
        lambda pairs: refers_to(
            [own for own, _ in pairs], "shop.curated.things", other=[there for _, there in pairs]
        )
    )


PATTERNS = PHRASES.filter(lambda pattern: pattern_fault(pattern) is None)


def checks(columns: tuple[str, ...]) -> st.SearchStrategy[Check]:
    """Any check over some of the columns."""
    column = st.sampled_from(columns)
    bounds = st.tuples(NUMBERS, NUMBERS).map(sorted)
    return st.one_of(
        st.builds(not_null, column, severity=ACTIONS),
        st.builds(lambda key, nulls, blanks: unique(*key, nulls_repeat=nulls, blanks_repeat=blanks),
                  st.lists(column, min_size=1, unique=True), st.booleans(), st.booleans()),
        st.builds(accepted_values, column, st.lists(PLAIN, max_size=5), severity=ACTIONS),
        st.builds(accepted_values, column, st.lists(st.dates() | INSTANTS, max_size=3)),
        st.builds(lambda c, b, s: between(c, low=b[0], high=b[1], severity=s), column, bounds,
                  ACTIONS),
        st.builds(lambda c, low: between(c, low=low), column, INSTANTS | st.dates()),
        st.builds(matches, column, PATTERNS, severity=ACTIONS),
        st.builds(refers_to, column, st.just("shop.curated.things"), other=WORDS),
        _pairs(column) if len(columns) > 1 else st.nothing(),
        st.builds(row_count, low=st.integers(0, 9), high=st.none() | st.integers(9, 99)),
        st.builds(expression, WORDS, PHRASES, severity=ACTIONS),
        st.builds(fresh_within, column, SPANS, severity=SEVERITIES),
        st.builds(steady, column, against=st.integers(1, 99), within=st.floats(1.5, 9),
                  severity=SEVERITIES),
    )  # fmt: skip


DAYS = st.builds(
    Days, weekdays=st.sampled_from(["mon-sun", "mon-fri", "fri-mon", "tue, sat"]),
    holidays=st.sampled_from(["", "US", "US-NY", "XNYS"]),
)  # fmt: skip
DUE = st.builds(
    Due, st.sampled_from(["0 7 * * mon-fri", "30 2 * * *", "0 12 1 * *"]),
    zone=st.sampled_from(["UTC", "America/New_York"]), holidays=st.sampled_from(["", "US"]),
)  # fmt: skip
OBJECTIVES = st.one_of(
    st.builds(AtMost, st.integers(1, 9), of=st.integers(10, 999)),
    st.builds(Share, st.floats(0.01, 0.999), over=SPANS),
)
MORE = {
    "objective": st.none() | OBJECTIVES,
    "expected": DAYS,
    "hours": st.builds(Hours, begin=st.times(max_value=time(12)), days=DAYS),
    "urgency": st.builds(
        Urgency, tier=st.integers(1, 3), severity=st.just("page"), page_on_first_miss=st.booleans()
    ),
    "owner": st.just("") | WORDS,
    "consumers": st.lists(WORDS, max_size=2).map(tuple),
}
PROMISES = st.one_of(
    st.builds(Slo, ready_within=SPANS, **MORE), st.builds(Slo, due=DUE, **MORE)
)  # fmt: skip
CADENCES = st.builds(
    lambda kind, zone, start, late, idle: kind(
        zone="UTC" if kind is Hourly else zone, start=start, late_for=late, idle_after=idle
    ),
    st.sampled_from([Daily, Hourly, Monthly]),
    st.sampled_from(["UTC", "America/New_York"]),
    st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    SPANS,
    SPANS,
)


@st.composite
def releases(draw: Any) -> Released:
    """Any promise of a dataset."""
    contract, captured = draw(contracts()), draw(st.booleans())
    if not captured:
        contract = replace(contract, repeats_within=None)
    else:
        contract = replace(contract, drift=draw(st.sampled_from(["divert", "evolve", "freeze"])))
    cadence = draw(st.none() | CADENCES) if contract.event_time else None
    if not captured and cadence is None and draw(st.booleans()):
        contract = replace(contract, key=(), keyless=draw(st.booleans()))
    names = tuple(c.name for c in contract.columns)
    found = draw(st.lists(checks(names), max_size=5, unique_by=lambda c: c.label))
    if not contract.key and not contract.keyless:
        found = [check for check in found if not isinstance(check, RowCount)]
    return Released(
        name=f"{draw(WORDS)}.curated.{draw(WORDS)}",
        contract=contract,
        owner=f"team:{draw(WORDS)}",
        description=draw(st.just("") | PHRASES),
        checks=tuple(found),
        cadence=cadence,
        slo=draw(st.none() | PROMISES.filter(lambda slo: not [*slo.complaints(cadence)])),
        is_captured=captured,
    )


def with_column(contract: Contract, old: str, new: Column | None) -> Contract:
    """The contract with one column changed or taken away."""
    columns = [new if c.name == old else c for c in contract.columns]
    return replace(contract, columns=tuple(c for c in columns if c is not None))
