"""A value that a library made, as text: arrays, frames, types, expressions."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

Tell = Callable[[object], str]


def library_value(value: object, tell: Tell) -> str | None:
    """A value of Arrow, NumPy, pandas, polars or ibis; None for anything else.

    Guarantees: content counts; chunks, addresses, generated names do not.
    """
    for kind in type(value).__mro__:
        told = _TOLD.get(kind.__module__.partition(".")[0])
        if told is not None:
            return told(value, tell)
    return None


def _arrow(value: Any, tell: Tell) -> str | None:
    import pyarrow as pa

    if isinstance(value, pa.Schema):
        return f"(schema {' '.join(map(tell, value))})"
    if isinstance(value, pa.Field):
        return f"(field {value.name!a} {value.type} {value.nullable})"
    if isinstance(value, pa.DataType):
        return f"(arrow {_type(value, tell)})"
    if isinstance(value, pa.Scalar):
        return f"(scalar {value.type} {tell(value.as_py())})"
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Array | pa.ChunkedArray):
        value = pa.table({"": value})
    if isinstance(value, pa.Table):
        from platform_assets.build.fingerprint import fingerprint

        return f"(table {tell(value.schema)} {fingerprint(value)})"
    return None


def _type(kind: Any, tell: Tell) -> str:
    import pyarrow as pa

    if isinstance(kind, pa.ExtensionType | pa.BaseExtensionType):
        return f"{kind.extension_name} {tell(kind.storage_type)}"
    return str(kind)


def _numpy(value: Any, tell: Tell) -> str | None:
    import numpy as np

    if isinstance(value, np.dtype):
        return f"(dtype {tell(value.descr if value.names else value.str)})"
    if isinstance(value, np.ufunc):
        return f"(library numpy.{value.__name__})"
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return None
    if value.dtype.hasobject:
        return f"(array {value.shape} {tell(value.tolist())})"
    told = sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return f"(array {tell(value.dtype)} {value.shape} {told})"


def _pandas(value: Any, tell: Tell) -> str | None:
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        columns = [value.iloc[:, at] for at in range(value.shape[1])]
        return f"(frame {tell(value.columns)} {tell(value.index)} {' '.join(map(tell, columns))})"
    if isinstance(value, pd.Series):
        return f"(series {tell(value.name)} {_column(value.array, tell)}"
    if isinstance(value, pd.MultiIndex):
        return f"(index {tell(list(value.names))} {tell(value.tolist())})"
    if isinstance(value, pd.Index):
        return f"(index {tell(value.name)} {_column(value.array, tell)})"
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return f"(series {_column(value, tell)})"
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return f"(dtype {value})"
    if value is pd.NaT or value is pd.NA:
        return f"({value})"
    if isinstance(value, pd.Timestamp):
        return f"(instant {value.value} {value.unit} {tell(value.tzinfo)})"
    if isinstance(value, pd.Timedelta):
        return f"(timedelta {value.value} {value.unit})"
    return None


def _column(values: Any, tell: Tell) -> str:
    import numpy as np

    plain = values.to_numpy() if isinstance(values.dtype, np.dtype) else None
    return f"{values.dtype} {tell(list(values) if plain is None else plain)}"


def _polars(value: Any, tell: Tell) -> str | None:
    import polars as pl

    if isinstance(value, pl.DataFrame):
        return f"(frame {tell(value.columns)} {' '.join(map(tell, value.get_columns()))})"
    if isinstance(value, pl.Series):
        return f"(series {value.name!a} {value.dtype} {tell(value.to_arrow())})"
    if isinstance(value, pl.Schema):
        return f"(schema {tell(list(value.items()))})"
    if isinstance(value, pl.DataType) or (
        isinstance(value, type) and issubclass(value, pl.DataType)
    ):
        return f"(polars {value!r})"
    if isinstance(value, pl.Expr):
        return f"(polars {value.meta.serialize().hex()})"
    return None


def _ibis(value: Any, tell: Tell) -> str | None:
    import ibis
    from ibis.common.deferred import Deferred, Resolver
    from ibis.common.grounds import Concrete
    from ibis.expr.operations import DatabaseTable, InMemoryTable, SQLQueryResult

    if isinstance(value, ibis.Expr):
        return tell(value.op())
    if isinstance(value, Deferred):
        return f"(deferred {tell(value._resolver)})"
    if isinstance(value, DatabaseTable | SQLQueryResult):
        return None
    if isinstance(value, InMemoryTable):
        return f"(memory {tell(value.data.to_pyarrow(value.schema))})"
    if isinstance(value, Concrete):
        parts = zip(value.argnames, value.args, strict=True)
        return f"({_name(value)} {' '.join(f'{n}={tell(a)}' for n, a in parts)})"
    if isinstance(value, Resolver):
        names = [n for k in type(value).__mro__ for n in getattr(k, "__slots__", ())]
        kept = sorted({n for n in names if not n.startswith("__")})
        return f"({_name(value)} {' '.join(f'{n}={tell(getattr(value, n))}' for n in kept)})"
    if hasattr(value, "items") and type(value).__name__ in ("FrozenDict", "FrozenOrderedDict"):
        return f"(map {tell(dict(value.items()))})"
    return None


def _name(value: object) -> str:
    return f"ibis {type(value).__name__}"


_TOLD: dict[str, Callable[[Any, Tell], str | None]] = {
    "pyarrow": _arrow,
    "numpy": _numpy,
    "pandas": _pandas,
    "polars": _polars,
    "ibis": _ibis,
}
