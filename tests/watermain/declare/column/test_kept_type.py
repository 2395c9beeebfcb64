"""A type that the lake would change is refused where its dataset is declared."""

from __future__ import annotations

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, dataset
from watermain.declare.column.kept_type import unkept
from watermain.declare.errors import InvalidDeclarationError

KEPT = [
    *(pa.bool_(), pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(38, 38)),
    *(pa.string(), pa.large_string(), pa.binary(), pa.binary(3), pa.date32(), pa.date64()),
    *(pa.time32("s"), pa.time64("us"), pa.timestamp("ns"), pa.timestamp("us", "Europe/Paris")),
    *(
        pa.list_(pa.list_(pa.string())),
        pa.large_list(pa.uint64()),
        pa.dictionary(pa.int8(), pa.string()),
    ),
    pa.map_(pa.string(), pa.struct([("at", pa.timestamp("s")), ("of", pa.list_(pa.date32()))])),
]
REFUSED = [
    (pa.float16(), "`c` is halffloat", "use float32"),
    (pa.decimal256(50, 2), "`c` is decimal256(50, 2)", "use decimal128"),
    (pa.decimal128(5, -2), "`c` is decimal128(5, -2)", "use scale 0"),
    (pa.time64("ns"), "`c` is time64[ns]", "use time64[us]"),
    (pa.timestamp("ns", "UTC"), "`c` is timestamp[ns, tz=UTC]", "use timestamp[us]"),
    (pa.duration("us"), "`c` is duration[us]", "use int64 with a unit"),
    (pa.month_day_nano_interval(), "`c` is month_day_nano_interval", "use int64"),
    (pa.list_(pa.int8(), 3), "`c` is fixed_size_list<item: int8>[3]", "use list_"),
    (pa.struct([]), "`c` is a struct without fields", "leave the column out"),
    (pa.struct([("", pa.int8())]), "`c` has a field without a name", "name the field"),
    (
        pa.list_(pa.struct([("a", pa.int8()), ("A", pa.int8())])),
        "fields of `c[]` named `a` differ by case alone",
        "rename one of them",
    ),
    (pa.list_(pa.duration("s")), "`c[]` is duration[s]", "use int64"),
    (pa.list_(pa.dictionary(pa.int8(), pa.string())), "`c[]` is dictionary", "use the type of"),
    (pa.dictionary(pa.int8(), pa.duration("s")), "`c` is duration[s]", "use int64"),
    (
        pa.map_(pa.float16(), pa.struct([("x", pa.list_(pa.time64("ns")))])),
        "`c.key` is halffloat",
        "use float32",
    ),
    (pa.struct([("x", pa.list_(pa.time64("ns")))]), "`c.x[]` is time64[ns]", "use time64[us]"),
    (pa.sparse_union([pa.field("a", pa.int8())]), "`c` is sparse_union", "use a struct"),
    (pa.uuid(), "`c` is extension<arrow.uuid>", "use a plain type"),
]


@pytest.mark.parametrize("kind", KEPT, ids=str)
def test_type_that_comes_back_equal_is_taken(kind: pa.DataType) -> None:
    """Nothing is said of it."""
    assert list(unkept(kind, "c")) == []


@pytest.mark.parametrize(("kind", "says", "instead"), REFUSED, ids=lambda each: str(each)[:40])
def test_type_that_would_change_is_refused_by_name(
    kind: pa.DataType, says: str, instead: str
) -> None:
    """The message names the dataset, the part of the column, the type to use instead."""
    contract = Contract(
        grain="one row per n",
        key=("n",),
        columns=(Column("n", pa.int64(), "number"), Column("c", kind, "what it is about")),
    )
    with pytest.raises(InvalidDeclarationError) as told:
        dataset("shop.curated.odd", inputs={}, contract=contract, owner="team:shop")(lambda: None)
    assert told.value.what.startswith(f"shop.curated.odd: {says}")
    assert instead in told.value.next
    assert told.value.data == "nothing was read or written"
