"""A body asks for a kind of table by its annotation."""

from __future__ import annotations

import textwrap
from typing import Any

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, dataset
from watermain.declare.body.frame import Frame, asked
from watermain.declare.errors import InvalidDeclarationError

CONTRACT = Contract(grain="one row", key=("id",), columns=(Column("id", pa.string(), "it"),))


def spelled(imports: str, annotation: str, future: bool = True) -> Any:
    """A body of a module that spells its annotation so."""
    names: dict[str, Any] = {}
    first = "from __future__ import annotations\n" if future else ""
    exec(f"{first}{textwrap.dedent(imports)}\ndef body(rows: {annotation}): ...", names)
    return names["body"]


@pytest.mark.parametrize(
    ("imports", "annotation", "kind"),
    [
        ("import ibis", "ibis.Table", Frame.IBIS),
        ("import ibis.expr.types as ir", "ir.Table", Frame.IBIS),
        ("import pyarrow as pa", "pa.Table", Frame.ARROW),
        ("import pyarrow", "pyarrow.RecordBatchReader", Frame.BATCHES),
        ("from pyarrow import Table", "Table", Frame.ARROW),
        ("import pandas", "pandas.DataFrame", Frame.PANDAS),
        ("from pandas import DataFrame", "DataFrame", Frame.PANDAS),
        ("from polars import DataFrame", "DataFrame", Frame.POLARS),
        ("import polars as pl", "pl.LazyFrame", Frame.LAZY),
        ("from typing import Any", "Any", Frame.IBIS),
        ("", "'pd.DataFrame'", Frame.PANDAS),
        ("", "pl.DataFrame", Frame.POLARS),
        ("", "polars.LazyFrame", Frame.LAZY),
        ("", "set", None),
        ("import pandas as pd", "pd.Series", None),
        ("import pandas as pd", "pd.Nothing", None),
        ("import numpy as np", "np.ndarray", None),
        ("import duckdb", "duckdb.DuckDBPyRelation", None),
        ("import pandas as pd", "pd.DataFrame | None", None),
    ],
)
def test_annotation_names_a_kind_of_table(
    imports: str, annotation: str, kind: Frame | None
) -> None:
    """However the library was imported, if at all."""
    assert asked(spelled(imports, annotation)) == {"rows": kind}


@pytest.mark.parametrize("kind", [ibis.Table, pa.Table, pd.DataFrame, pl.DataFrame, pl.LazyFrame])
def test_annotation_may_be_the_class_itself(kind: type) -> None:
    """A module without postponed annotations holds classes."""

    def body(rows): ...  # type: ignore[no-untyped-def]

    body.__annotations__["rows"] = kind
    found = asked(body)["rows"]
    assert found is not None
    assert found.rpartition(".")[2] == kind.__name__


def test_parameter_without_annotation_is_given_an_ibis_table() -> None:
    """The default runs on every engine."""
    assert asked(lambda rows: rows) == {"rows": Frame.IBIS}


def test_body_that_asks_for_no_table_is_refused_where_it_is_declared() -> None:
    """It would be given another kind in silence."""
    body = spelled("import numpy as np", "np.ndarray")
    declare = dataset(
        "shop.curated.sales", contract=CONTRACT, owner="team:shop", inputs={"rows": "shop.raw.it"}
    )
    with pytest.raises(
        InvalidDeclarationError, match=r"`rows` as np\.ndarray, which no table"
    ) as no:
        declare(body)
    assert "`pl.LazyFrame`" in no.value.next
