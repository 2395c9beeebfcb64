"""The word that declares a feature table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from watermain.declare.cadence import Cadence
from watermain.declare.check import Check
from watermain.declare.contract import Contract
from watermain.declare.dataset import Body, Dataset, dataset
from watermain.declare.feature import Feature
from watermain.declare.need import Needs
from watermain.declare.slo import Slo


def feature_table(
    name: str,
    *,
    feature: Feature,
    contract: Contract,
    owner: str,
    inputs: Mapping[str, str | Needs] | None = None,
    checks: tuple[Check, ...] = (),
    cadence: Cadence | None = None,
    slo: Slo | None = None,
    schedule: str | None = None,
) -> Callable[[Body], Dataset]:
    """Declare a dataset whose rows say what was true of an entity and since when that was known.

    Shapes: the dataset is named `name` with its version, as `prediction.features.route_delay_v1`;
    the contract's event time is the instant that a row's features hold from.
    Guarantees: the one body computes batches, streams, training sets and online rows.
    """

    def declare(body: Body) -> Dataset:
        table = dataset(
            f"{name}_v{feature.version}",
            contract=contract,
            owner=owner,
            inputs=inputs,
            checks=checks,
            cadence=cadence,
            slo=slo,
            schedule=schedule,
        )(body)
        return replace(table, feature=feature)

    return declare
