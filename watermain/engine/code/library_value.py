"""A value that a library made, as text: arrays, frames, types, expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from watermain.engine.code.instance import OpaqueError

Tell = Callable[[object], str]


def library_value(value: object, tell: Tell) -> str | None:
    """A value of Arrow, NumPy, pandas, polars or ibis; None for anything else.

    Guarantees: content counts; chunks, addresses and generated names do not.
    Raises: OpaqueError, for a value whose content cannot be told.
    """
    for kind in type(value).__mro__:
        told = _TOLD.get(kind.__module__.partition(".")[0])
        if told is not None:
            return told(value, tell)
    return None


def _arrow(value: Any, tell: Tell) -> str | None:
    import pyarrow as pa

    return _first(
        value,
        (pa.Schema, lambda: f"(schema {' '.join(map(tell, value))} {tell(value.metadata)})"),
        (
            pa.Field,
            lambda: f"(field {value.name!a} {value.nullable} {tell((value.type, value.metadata))})",
        ),
        (pa.BaseExtensionType, lambda: f"(arrow {value} {tell(value.storage_type)})"),
        (pa.DataType, lambda: f"(arrow {value})"),
        (pa.Scalar, lambda: f"(scalar {tell(value.type)} {tell(value.as_py())})"),
        (pa.RecordBatch, lambda: tell(pa.Table.from_batches([value]))),
        ((pa.Array, pa.ChunkedArray), lambda: f"(values {tell(pa.table({'': value}))})"),
        (pa.Table, lambda: _table(value, tell)),
    )


def _table(value: Any, tell: Tell) -> str:
    from watermain.engine.code.fingerprint import fingerprint

    return f"(table {tell(value.schema)} {fingerprint(value)})"


def _numpy(value: Any, tell: Tell) -> str | None:
    import numpy as np

    return _first(
        value,
        (np.dtype, lambda: f"(dtype {tell(value.descr if value.names else value.str)})"),
        (np.ufunc, lambda: f"(library numpy.{value.__name__})"),
        (np.generic, lambda: f"(number {_array(np.asarray(value), tell)})"),
        (np.ma.MaskedArray, lambda: f"(masked {tell((value.mask, value.data))})"),
        (np.ndarray, lambda: f"({type(value).__name__} {_array(value, tell)})"),
    )


def _array(value: Any, tell: Tell) -> str:
    if value.dtype.hasobject:
        return f"(array {value.shape} {tell(value.tolist())})"
    told = sha256(value.tobytes()).hexdigest()
    return f"(array {tell(value.dtype)} {value.shape} {told})"


def _pandas(value: Any, tell: Tell) -> str | None:
    import pandas as pd

    if value is pd.NaT or value is pd.NA:
        return f"({value})"
    return _first(
        value,
        (pd.DataFrame, lambda: _frame(value, tell)),
        (pd.Series, lambda: f"(series {tell(value.name)} {_column(value.array, tell)})"),
        (pd.MultiIndex, lambda: f"(index {tell(list(value.names))} {tell(value.tolist())})"),
        (pd.Index, lambda: f"(index {tell(value.name)} {_column(value.array, tell)})"),
        (pd.api.extensions.ExtensionArray, lambda: f"(series {_column(value, tell)})"),
        (pd.CategoricalDtype, lambda: f"(dtype {value.ordered} {tell(value.categories)})"),
        (pd.api.extensions.ExtensionDtype, lambda: f"(dtype {value})"),
        (pd.Timestamp, lambda: f"(instant {value.value} {value.unit} {tell(value.tzinfo)})"),
        (pd.Timedelta, lambda: f"(timedelta {value.value} {value.unit})"),
    )


def _frame(value: Any, tell: Tell) -> str:
    columns = " ".join(tell(value.iloc[:, at]) for at in range(value.shape[1]))
    return f"(frame {tell(value.columns)} {tell(value.index)} {columns})"


def _column(values: Any, tell: Tell) -> str:
    import numpy as np

    plain = values.to_numpy() if isinstance(values.dtype, np.dtype) else list(values)
    return f"{tell(values.dtype)} {tell(plain)}"


def _polars(value: Any, tell: Tell) -> str | None:
    import polars as pl

    return _first(
        value,
        (pl.DataFrame, lambda: f"(frame {' '.join(map(tell, value.get_columns()))})"),
        (pl.Series, lambda: f"(series {value.name!a} {value.dtype} {tell(value.to_arrow())})"),
        (pl.Schema, lambda: f"(schema {tell(list(value.items()))})"),
        (pl.DataType, lambda: f"(polars {value!r})"),
        (pl.Expr, lambda: _polars_expression(value)),
    )


def _polars_expression(value: Any) -> str:
    """An expression as polars writes it.

    Raises: OpaqueError, where it holds a function, which polars writes as its interpreter keeps it.
    """
    told = value.meta.serialize()
    if b"PLPY" in told or b"AnonymousFunction" in told:
        raise OpaqueError("polars expression with a function")
    return f"(polars {sha256(told).hexdigest()})"


def _ibis(value: Any, tell: Tell) -> str | None:
    import ibis
    from ibis.common.collections import FrozenDict
    from ibis.common.deferred import Deferred, Resolver
    from ibis.common.grounds import Concrete
    from ibis.expr.operations import DatabaseTable, InMemoryTable, SQLQueryResult

    return _first(
        value,
        (ibis.Expr, lambda: f"(expression {tell(value.op())})"),
        (Deferred, lambda: f"(deferred {tell(value._resolver)})"),
        ((DatabaseTable, SQLQueryResult), lambda: tell(value.source)),
        (InMemoryTable, lambda: f"(memory {tell(value.data.to_pyarrow(value.schema))})"),
        (Concrete, lambda: _parts(value, value.argnames, tell)),
        (Resolver, lambda: _parts(value, _slots(value), tell)),
        (FrozenDict, lambda: f"(map {tell(dict(value.items()))})"),
    )


def _slots(value: object) -> list[str]:
    names = {n for k in type(value).__mro__ for n in getattr(k, "__slots__", ())}
    return sorted(n for n in names if not n.startswith("__"))


def _parts(value: object, names: Iterable[str], tell: Tell) -> str:
    parts = " ".join(f"{n}={tell(getattr(value, n))}" for n in names)
    return f"(ibis {type(value).__name__} {parts})"


def _first(value: object, *cases: tuple[Any, Callable[[], str | None]]) -> str | None:
    """What the first kind that a value is of says of it."""
    return next((told() for kind, told in cases if isinstance(value, kind)), None)


_TOLD: dict[str, Callable[[Any, Tell], str | None]] = {
    "pyarrow": _arrow,
    "numpy": _numpy,
    "pandas": _pandas,
    "polars": _polars,
    "ibis": _ibis,
}
