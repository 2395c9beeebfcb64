"""How far features drift, beside what numpy, scipy say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from watermain.engine.feature.feature_drift import BINS, FLOOR, Drift, drifts


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of its own."""
    with duckdb.connect() as found:
        yield found


def between(
    connection: duckdb.DuckDBPyConnection, trained: list[Any], present: list[Any], kind: str
) -> Drift:
    """Drift from one list of values to another."""
    for name, values in (("trained", trained), ("present", present)):
        connection.execute(f"create or replace table {name} (x {kind})")
        rows = pd.DataFrame({"x": values})
        connection.register("given", rows)
        connection.execute(f"insert into {name} select x::{kind} from given")
        connection.unregister("given")
    (found,) = drifts(connection, ["x"], "trained", "present")
    return found


def psi(trained: np.ndarray[Any, Any], present: np.ndarray[Any, Any]) -> float:
    """The index as textbooks give it, over the quantiles of the training values."""
    edges = np.unique(np.quantile(trained, [i / BINS for i in range(1, BINS)]))
    shares = []
    for values in (trained, present):
        counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
        shares.append(np.maximum(counts / len(values), FLOOR))
    used = (shares[0] > FLOOR) | (shares[1] > FLOOR)
    e, a = shares[0][used], shares[1][used]
    return float(np.sum((a - e) * np.log(a / e)))


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0, 5.0])
def test_indexes_equal_numpy_and_scipy(connection: duckdb.DuckDBPyConnection, shift: float) -> None:
    """For normal values that move."""
    draw = np.random.default_rng(7)
    trained, present = draw.normal(0, 1, 3000), draw.normal(shift, 1, 2000)
    found = between(connection, list(trained), list(present), "double")
    assert found.psi == pytest.approx(psi(trained, present), rel=1e-9, abs=1e-12)
    assert found.ks == pytest.approx(ks_2samp(trained, present).statistic, abs=1e-12)
    assert (found.trained, found.present) == (3000, 2000)
    assert found.is_shifted == (shift >= 1.0)


@pytest.mark.parametrize(
    ("trained", "present", "kind", "shifted"),
    [
        ([1.0] * 50, [1.0] * 50, "double", False),
        ([1.0] * 50, [None] * 50, "double", True),
        ([None] * 50, [None] * 50, "double", False),
        ([1.0, None] * 50, [1.0, None] * 20, "double", False),
        (["a", "b"] * 50, ["b", "a"] * 50, "varchar", False),
        (["a"] * 50, ["z"] * 50, "varchar", True),
        ([True, False] * 50, [True] * 50, "boolean", True),
        (list(range(100)), list(range(100)), "bigint", False),
        ([], [1.0], "double", False),
        ([1.0], [], "double", False),
        ([float("nan"), 1.0] * 50, [float("nan"), 1.0] * 50, "double", False),
    ],
)
def test_nulls_text_and_empty_sides(
    connection: duckdb.DuckDBPyConnection,
    trained: list[Any],
    present: list[Any],
    kind: str,
    shifted: bool,
) -> None:
    """Each has an answer; none divides by nothing."""
    found = between(connection, trained, present, kind)
    assert found.is_shifted is shifted
    assert found.psi >= 0
    assert 0 <= found.ks <= 1


def test_dates_drift_by_time(connection: duckdb.DuckDBPyConnection) -> None:
    """Later is greater."""
    days = [f"2013-01-{d:02d}" for d in range(1, 29)]
    later = [f"2014-01-{d:02d}" for d in range(1, 29)]
    assert between(connection, days, later, "date").ks == 1.0
