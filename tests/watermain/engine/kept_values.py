"""Types that a contract may name, with values at their edges."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa

NAN, INF = math.nan, math.inf
WORDS = [
    "it's",
    "C:\\x",
    'say "no"',
    "a\x00b",
    "😀 größer",
    "",
    "NULL",
    "null",
    " {'a': [1]} ",
    "\n",
]
_NOON = datetime(2013, 1, 2, 12, 0, 0, 1)
_DEEP = pa.struct(
    [
        ("word", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("lists", pa.list_(pa.struct([("on", pa.date32()), ("b", pa.binary())]))),
        ("maps", pa.map_(pa.string(), pa.struct([("x", pa.float64()), ("n", pa.uint64())]))),
    ]
)
KNOWN: list[tuple[pa.DataType, list[Any]]] = [
    *((getattr(pa, f"int{n}")(), [-(2 ** (n - 1)), 2 ** (n - 1) - 1, 0]) for n in (8, 16, 32, 64)),
    *((getattr(pa, f"uint{n}")(), [2**n - 1, 0]) for n in (8, 16, 32, 64)),
    (pa.float32(), [NAN, INF, -INF, 1.5, 2.0**-149]),
    (pa.float64(), [NAN, INF, -INF, -0.0, 5e-324, 0.1, 1.7976931348623157e308]),
    (pa.decimal128(38, 10), [Decimal("9" * 28 + "." + "9" * 10), Decimal("-1E-10")]),
    (pa.decimal128(38, 0), [Decimal("-" + "9" * 38)]),
    (pa.decimal128(38, 38), [Decimal("0." + "1" * 38)]),
    (pa.decimal64(15, 2), [Decimal("1.10")]),
    (pa.bool_(), [True, False]),
    *((kind, WORDS) for kind in (pa.string(), pa.large_string(), pa.string_view())),
    *((kind, [b"\x00'\\\xff", b""]) for kind in (pa.binary(), pa.large_binary())),
    (pa.binary(3), [b"\x00'\\"]),
    (pa.date32(), [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)]),
    (pa.date64(), [date(2013, 1, 1)]),
    (pa.time32("ms"), [time(23, 59, 59, 999000)]),
    (pa.time64("us"), [time(0), time(23, 59, 59, 999999)]),
    *((pa.timestamp(u), [datetime(1960, 1, 1), datetime(2013, 1, 2, 3)]) for u in ("s", "ms")),
    (pa.timestamp("us"), [datetime(1, 1, 1), _NOON, datetime(9999, 12, 31, 23, 59, 59, 999999)]),
    (pa.timestamp("ns"), [1, 2**62 + 1, -(2**60) - 1]),
    (pa.timestamp("us", "UTC"), [datetime(1, 1, 2, tzinfo=UTC), _NOON.replace(tzinfo=UTC)]),
    (pa.timestamp("s", "America/New_York"), [datetime(2013, 7, 1, tzinfo=UTC)]),
    (pa.list_(pa.uint64()), [[2**64 - 1, None], [], [None]]),
    (pa.list_(pa.list_(pa.list_(pa.string()))), [[[["it's", None], []], None], [], [[]]]),
    (pa.large_list(pa.float32()), [[NAN, 1.5], []]),
    (pa.struct([("a", pa.int64()), ("b", pa.string())]), [{"a": 1, "b": w} for w in WORDS[:4]]),
    (pa.struct([("key", pa.date32()), ("a \"b' c", pa.time64("us"))]), [{"key": date(1, 1, 1)}]),
    (
        pa.map_(pa.timestamp("us"), pa.list_(pa.decimal128(5, 2))),
        [[(_NOON, [Decimal("1.10")])], []],
    ),
    (
        _DEEP,
        [
            {"word": "it's", "at": _NOON.replace(tzinfo=UTC), "lists": [{"on": date(1, 1, 1)}]},
            {"word": None, "at": None, "lists": [], "maps": []},
            {
                "lists": [None, {"b": b"'\\"}],
                "maps": [("k'", None), ("", {"x": NAN, "n": 2**64 - 1})],
            },
        ],
    ),
]


def filled(kind: pa.DataType, values: list[Any], rows: int) -> pa.Array:
    """That many rows of the values in turn, a null among them."""
    turn = [*values, None]
    return pa.array([turn[n % len(turn)] for n in range(rows)], kind)


def plain(value: Any) -> Any:
    """The same value as one that compares: NaN equals NaN, an instant is an instant."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


LEAVES = [k for k, _ in KNOWN if not pa.types.is_nested(k) and k != pa.large_string()]
KINDS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(pa.list_),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: pa.struct([(f"f{n}", kind) for n, kind in enumerate(kinds)])
        ),
        st.tuples(st.sampled_from([pa.string(), pa.int64(), pa.date32()]), inner).map(
            lambda pair: pa.map_(*pair)
        ),
    ),
    max_leaves=5,
)
_VALUES = {str(kind): values for kind, values in KNOWN}


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Any value of a type, null at each level."""
    if pa.types.is_struct(kind):
        fields = {kind.field(n).name: values_of(kind.field(n).type) for n in range(kind.num_fields)}
        found: st.SearchStrategy[Any] = st.fixed_dictionaries(fields)
    elif pa.types.is_map(kind):
        keys = st.sampled_from(_VALUES[str(kind.key_type)])
        found = st.dictionaries(keys, values_of(kind.item_type), max_size=3).map(
            lambda pairs: list(pairs.items())
        )
    elif pa.types.is_list(kind):
        found = st.lists(values_of(kind.value_type), max_size=3)
    else:
        found = st.sampled_from(_VALUES[str(kind)])
    return st.none() | found
